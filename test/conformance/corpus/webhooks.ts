import { rowId } from '../../../scripts/dataset/rows.ts';
import { Area, type Call } from '../call.ts';

const events = [
  ...['post.added', 'post.edited', 'post.published', 'post.unpublished', 'post.deleted', 'post.tag.attached'],
  ...['page.added', 'page.deleted', 'tag.added', 'tag.edited', 'tag.deleted'],
  ...['member.added', 'member.edited', 'member.deleted', 'site.changed'],
];

/** What integrations are told: every event has a hook, and what was delivered is compared in the end. */
export function webhooks(): Call[] {
  const area = new Area('webhook');
  const kept = { hooked: 'posts.0.id', hookedAt: 'posts.0.updated_at' };
  area.change('POST', 'integrations/', { integrations: [{ name: 'Hooks' }] }, { hooks: 'integrations.0.id' });
  for (const event of events) {
    const target = `http://127.0.0.1:{receiver}/${event}`;
    area.change('POST', 'webhooks/', { webhooks: [{ event, target_url: target, integration_id: '{hooks}' }] });
  }
  area.change('POST', 'posts/', { posts: [{ title: 'Hooked É', tags: [{ id: rowId('tags', 1) }] }] }, kept);
  const edit = (post: object) =>
    area.change('PUT', 'posts/{hooked}/', { posts: [{ ...post, updated_at: '{hookedAt}' }] }, kept);
  edit({ status: 'published' });
  edit({ title: 'Hooked again', tags: [{ id: rowId('tags', 1) }, { name: 'Hooked tag' }] });
  edit({ status: 'draft' });
  area.change('DELETE', 'posts/{hooked}/');
  area.change('POST', 'pages/', { pages: [{ title: 'Hooked page' }] }, { hookedPage: 'pages.0.id' });
  area.change('DELETE', 'pages/{hookedPage}/');
  area.change('POST', 'tags/', { tags: [{ name: 'Hook' }] }, { hookedTag: 'tags.0.id' });
  area.change('PUT', 'tags/{hookedTag}/', { tags: [{ description: 'Ünïcödé' }] });
  area.change('DELETE', 'tags/{hookedTag}/');
  area.change(
    'POST',
    'members/',
    { members: [{ email: 'hook@example.com', name: 'Höök', labels: [{ name: 'ECLAIR' }] }] },
    { hookedMember: 'members.0.id' },
  );
  area.change('PUT', 'members/{hookedMember}/', { members: [{ note: 'a note' }] });
  area.change('DELETE', 'members/{hookedMember}/');
  area.add({ method: 'GET', as: 'receiver', path: '/deliveries', until: { path: 'count', value: '20' } });
  area.change('DELETE', 'integrations/{hooks}/');
  return area.calls;
}
