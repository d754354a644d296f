import type { Page } from 'playwright-core';

/** Fills in Ghost Admin's set-up form, which the page shows, and waits until it is past it. */
export async function setUpOnPage(
  page: Page,
  owner: { readonly blogTitle: string; readonly name: string; readonly email: string; readonly password: string },
): Promise<void> {
  await page.fill('#blog-title', owner.blogTitle);
  await page.fill('#name', owner.name);
  await page.fill('#email', owner.email);
  await page.fill('#password', owner.password);
  await page.click('[data-test-button="setup"]');
  await page.waitForURL(/#\/(?!setup$)/, { timeout: 60_000 });
}

/** Writes a post in Ghost Admin's editor and publishes it. @param url of the site, without a slash at its end */
export async function publishOnPage(page: Page, url: string, title: string, text: string): Promise<void> {
  await page.goto(`${url}/ghost/#/editor/post`);
  await page.fill('textarea.gh-editor-title', title);
  await page.keyboard.press('Enter');
  await page.keyboard.type(text);
  await page.waitForURL(/#\/editor\/post\/[0-9a-f]{24}/, { timeout: 60_000 });
  await page.locator('.gh-publish-trigger').first().click();
  await page.getByRole('button', { name: 'Continue, final review' }).click();
  // The button pulses and so never comes to rest, for which a click would wait.
  await page.locator('[data-test-button="confirm-publish"]').click({ force: true });
  await page.getByText("It's out there").waitFor({ timeout: 60_000 });
}
