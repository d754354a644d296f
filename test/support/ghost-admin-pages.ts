import type { Page } from 'playwright-core';

/** Fills in Ghost Admin's set-up form, which the page shows, and waits until Ghost Admin has moved on from it. */
export async function setUpOnPage(
  page: Page,
  owner: { readonly blogTitle: string; readonly name: string; readonly email: string; readonly password: string },
): Promise<void> {
  await page.fill('#blog-title', owner.blogTitle);
  await page.fill('#name', owner.name);
  await page.fill('#email', owner.email);
  await page.fill('#password', owner.password);
  await page.click('[data-test-button="setup"]');
  await page.waitForURL(/#\/setup\/onboarding/, { timeout: 60_000 });
}

/**
 * Writes a post in Ghost Admin's editor and publishes it.
 *
 * @param url of the site, without a slash at its end
 */
export async function publishOnPage(page: Page, url: string, title: string, text: string): Promise<void> {
  await page.goto(`${url}/ghost/#/editor/post`);
  await page.fill('textarea.gh-editor-title', title);
  await page.keyboard.press('Enter');
  // The editor saves by itself, and one save at a time is all that Ghost takes: what is published while another is under
  // way is refused with 409, and a draft that is saved again before it has an id gets a second slug.
  const status = page.locator('[data-test-editor-post-status]');
  await status.filter({ hasText: 'Draft - Saved' }).waitFor({ timeout: 60_000 });
  const saved = page.waitForResponse(
    (response) => response.request().method() === 'PUT' && (response.request().postData() ?? '').includes(text),
    { timeout: 60_000 },
  );
  await page.locator('[data-lexical-editor="true"]').first().click();
  await page.keyboard.type(text);
  await saved;
  await status.filter({ hasText: 'Draft - Saved' }).waitFor({ timeout: 60_000 });
  await page.locator('.gh-publish-trigger').first().click();
  await page.getByRole('button', { name: 'Continue, final review' }).click();
  // It pulses, and a click waits for what it clicks to come to rest.
  await page.locator('[data-test-button="confirm-publish"]').press('Enter');
  await page.getByText("It's out there").waitFor({ timeout: 60_000 });
}
