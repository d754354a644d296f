import { rowId } from '../../../scripts/dataset/rows.ts';
import { Area, type Call } from '../call.ts';

const member = rowId('members', 3);

/** A member signs in by the link that the owner can ask for, reads, writes and likes comments, changes newsletters. */
export function memberSession(): Call[] {
  const area = new Area('member');
  const as = 'member' as const;
  area.change('PUT', 'settings/', { settings: [{ key: 'comments_enabled', value: 'all' }] });
  area.add({
    method: 'GET',
    as: 'owner',
    path: `/ghost/api/admin/members/${member}/signin_urls/`,
    keep: { signin: 'member_signin_urls.0.url' },
  });
  area.add({ method: 'GET', as, path: '{signin}' });
  const get = (path: string) => area.add({ method: 'GET', as, path });
  get('/members/api/member/');
  get('/members/api/session/');
  get('/members/api/entitlements/');
  get('/');
  get('/kitchen-posts-1/');
  area.add({
    method: 'PUT',
    as,
    path: '/members/api/member/',
    body: { name: 'Éva Newname', expertise: 'Straße', subscribed: true },
  });
  area.add({
    method: 'PUT',
    as,
    path: '/members/api/member/',
    body: { newsletters: [{ id: rowId('newsletters', 1) }, { id: rowId('newsletters', 2) }] },
  });
  area.add({
    method: 'PUT',
    as,
    path: '/members/api/member/',
    body: { newsletters: [{ id: '000000000000000000000000' }] },
  });
  get('/members/api/member/');
  const post = rowId('posts', 3);
  area.add({
    method: 'POST',
    as,
    path: '/members/api/comments/',
    body: { comments: [{ post_id: post, html: '<p>A <b>comment</b> 🎉</p>' }] },
    keep: { comment: 'comments.0.id' },
  });
  area.add({
    method: 'POST',
    as,
    path: '/members/api/comments/',
    body: { comments: [{ post_id: post, parent_id: '{comment}', html: '<p>A reply</p>' }] },
    keep: { reply: 'comments.0.id' },
  });
  area.add({
    method: 'POST',
    as,
    path: '/members/api/comments/',
    body: { comments: [{ post_id: '000000000000000000000000', html: '<p>x</p>' }] },
  });
  area.add({
    method: 'PUT',
    as,
    path: '/members/api/comments/{comment}/',
    body: { comments: [{ html: '<p>Edited</p>' }] },
  });
  for (const method of ['POST', 'POST', 'DELETE'] as const)
    area.add({ method, as, path: '/members/api/comments/{comment}/like/' });
  area.add({ method: 'POST', as, path: '/members/api/comments/{comment}/like/' });
  area.add({ method: 'POST', as, path: '/members/api/comments/{comment}/dislike/' });
  for (const order of ['created_at desc', 'created_at asc', 'count__likes desc, created_at desc'])
    get(`/members/api/comments/post/${post}/?order=${encodeURIComponent(order)}&limit=5`);
  get('/members/api/comments/{comment}/replies/');
  get('/members/api/comments/{comment}/');
  get(`/members/api/comments/counts/?ids=${post}`);
  area.add({ method: 'POST', as, path: '/members/api/comments/{reply}/report/' });
  area.add({ method: 'DELETE', as, path: '/members/api/comments/{reply}/' });
  get(`/members/api/comments/post/${post}/`);
  area.admin(
    `comments/?filter=${encodeURIComponent(`post_id:${post}`)}&include=member,post,count.replies,count.likes,count.reports&limit=50`,
    // The two were written within a second.
    ['comments'],
  );
  area.change('PUT', 'comments/{comment}/', { comments: [{ id: '{comment}', status: 'hidden' }] });
  area.admin('comments/{comment}/likes/');
  area.admin('comments/{reply}/reports/');
  area.add({ method: 'GET', as, path: `/members/feedback/${rowId('posts', 1)}/1/` });
  // Requests for a link are answered alike for those who exist and those who do not.
  for (const email of ['ANNA.3@members.example.com', 'new.person@example.com', 'not an address']) {
    area.add({
      method: 'POST',
      as: 'visitor',
      path: '/members/api/send-magic-link/',
      body: { email, emailType: 'signup', name: 'Zoë' },
    });
  }
  area.add({ method: 'DELETE', as, path: '/members/api/session/' });
  get('/members/api/member/');
  return area.calls;
}
