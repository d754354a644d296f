import { rowId } from '../../../scripts/dataset/rows.ts';
import { Area, type Call } from '../call.ts';

const postId = (number: number): string => rowId('posts', number);
const memberId = (number: number): string => rowId('members', number);
const zones = ['Etc/UTC', 'Europe/Vienna', 'America/New_York', 'Asia/Tokyo', 'Asia/Kathmandu', 'Nowhere/Land'];

/** Everything that is asked for by one address each: single resources, statistics, settings, indexes. */
export function adminReads(anchor: Date): Call[] {
  const day = (before: number): string => new Date(anchor.getTime() - before * 86_400_000).toISOString().slice(0, 10);
  const area = new Area('read');
  for (const number of [0, 3, 5, 8, 47])
    area.admin(
      `posts/${postId(number)}/?formats=html,plaintext,lexical,mobiledoc&include=tags,authors,tiers,newsletter,email`,
    );
  for (const path of [
    'posts/slug/harbour-posts-0/',
    'posts/slug/HARBOUR-POSTS-0/',
    'posts/000000000000000000000000/',
    'pages/slug/river-posts-9/',
    `pages/${postId(5)}/?formats=lexical`,
    'posts/export/?limit=all',
    `posts/export/?filter=${encodeURIComponent("title:~'e'")}&order=${encodeURIComponent('title asc')}`,
    `members/${memberId(3)}/?include=tiers,subscriptions,newsletters,email_recipients`,
    `members/${memberId(7)}/`,
    `members/${memberId(11)}/?include=labels`,
    'members/000000000000000000000000/',
    'members/stats/count/',
    'members/upload/?limit=all',
    `members/upload/?filter=${encodeURIComponent('status:free')}&limit=all`,
    ...[
      'ecl',
      'ÉCL',
      'zur',
      'anna',
      'ANNA.3',
      '@members',
      '100%',
      'under_',
      'back\\',
      "it's",
      '🎉',
      '日本',
      'nobody here',
    ].map((word) => `members/?search=${encodeURIComponent(word)}`),
    'tags/slug/harbour-tags-0/?include=count.posts',
    'tags/slug/Harbour-Tags-0/',
    'tags/000000000000000000000000/',
    'users/slug/harbour-users-0/?include=roles,count.posts',
    'users/email/anna.0@users.example.com/',
    'users/me/?include=roles',
    'labels/slug/harbour-labels-0/',
    'newsletters/?limit=all&include=count.posts,count.members',
    'tiers/?limit=all',
    'offers/',
    'snippets/?limit=all&formats=lexical',
    'integrations/?include=api_keys,webhooks&limit=all',
    'invites/',
    'roles/',
    'roles/?permissions=assign',
    'settings/',
    'settings/?group=site,theme,private,members,portal,newsletter,email,labs',
    'settings/routes/yaml/',
    'custom_theme_settings/',
    'themes/',
    'themes/active/',
    'notifications/',
    'site/',
    'search-index/posts/',
    'search-index/pages/',
    'search-index/tags/',
    'search-index/users/',
    'slugs/post/a%20new%20post/',
    'slugs/post/harbour-posts-0/',
    'slugs/post/HARBOUR-POSTS-0/',
    'slugs/tag/harbour-tags-0/',
    'slugs/user/mira/',
    'redirects/download/',
    'automations/',
    'automated_emails/',
    'automated_emails/design/',
    'members/metafields/',
    'incoming_recommendations/',
    'oembed/?url=nonsense',
    `emails/${rowId('emails', 0)}/`,
    `links/?filter=${encodeURIComponent(`post_id:${postId(3)}`)}`,
    `posts/${postId(0)}/gift_links/`,
    `feedback/${postId(1)}/`,
    `feedback/${postId(2)}/?score=1`,
    `comments/post/${postId(3)}/`,
    `comments/post/${postId(7)}/?order=${encodeURIComponent('created_at asc')}&limit=3`,
    'tiers/checkout_config/',
    'mentions/?unique=true&limit=20',
    'db/',
  ])
    area.admin(path);
  for (let number = 0; number < 12; number += 1) area.admin(`comments/${rowId('comments', number)}/`);
  for (const member of [3, 7, 11, 20])
    area.admin(`members/events/?filter=${encodeURIComponent(`data.member_id:'${memberId(member)}'`)}&limit=50`);
  area.admin(
    `members/events/?filter=${encodeURIComponent(`type:-[email_sent_event,email_opened_event]+data.created_at:<'${day(5)} 00:00:00'`)}&limit=30`,
  );
  area.admin(
    `members/events/?filter=${encodeURIComponent('type:[signup_event,login_event,newsletter_event,payment_event]')}&limit=40`,
  );
  for (const path of ['stats/member_count/', 'stats/mrr/', 'stats/subscriptions/', `stats/posts/${postId(0)}/stats/`])
    area.admin(path);
  for (const path of [
    `stats/posts/${postId(3)}/top-referrers/`,
    `stats/posts/${postId(3)}/growth/`,
    'stats/top-sources-growth/',
  ]) {
    area.admin(`${path}?date_from=${day(40)}&date_to=${day(0)}&timezone=Europe%2FVienna`, ['stats']);
    area.admin(`${path}?date_from=${day(40)}&date_to=${day(0)}&order=${encodeURIComponent('free_members desc')}`, [
      'stats by free_members',
    ]);
    area.admin(`${path}?date_from=${day(40)}&date_to=${day(0)}&order=${encodeURIComponent('mrr desc')}`, [
      'stats by mrr',
    ]);
  }
  for (const timezone of zones) {
    const range = `date_from=${day(30)}&date_to=${day(0)}&timezone=${encodeURIComponent(timezone)}`;
    area.admin(`stats/member_count/?${range}`);
    area.admin(`stats/top-posts/?${range}&order=${encodeURIComponent('free_members desc')}`, ['stats by free_members']);
    area.admin(`stats/top-posts/?${range}&order=${encodeURIComponent('mrr desc')}`, ['stats by mrr']);
    area.admin(`stats/top-posts-views/?${range}&limit=5`);
    area.admin(
      `stats/newsletter-stats/?newsletter_id=${rowId('newsletters', 0)}&${range}&order=${encodeURIComponent('open_rate desc')}`,
      ['stats by open_rate'],
    );
    area.admin(
      `stats/newsletter-stats/?newsletter_id=${rowId('newsletters', 1)}&${range}&order=${encodeURIComponent('date desc')}`,
    );
    area.admin(`stats/subscriber-count/?newsletter_id=${rowId('newsletters', 1)}&${range}`);
    area.admin(`stats/top-content/?${range}`);
  }
  area.admin('members/stats/mrr/', ['data']);
  area.admin('stats/referrers/', ['stats']);
  area.change('POST', 'stats/posts-member-counts/', { postIds: [0, 1, 3, 9].map(postId) });
  area.change('POST', 'stats/posts-visitor-counts/', { postUuids: [] });
  return [...area.calls, ...new Area('config').admin('config/').calls];
}

/** The Content API and the pages of the theme, as integrations and readers see them. */
export function publicReads(): Call[] {
  const area = new Area('public');
  for (const path of [
    'posts/?limit=all&fields=id,title,slug',
    'posts/?include=tags,authors&formats=html,plaintext&limit=15',
    'posts/?fields=title,reading_time,excerpt&limit=all',
    'posts/slug/harbour-posts-0/?include=tags,authors',
    'posts/slug/Harbour-Posts-0/',
    `posts/${postId(3)}/?formats=plaintext`,
    'posts/slug/none/',
    'pages/?include=tags&limit=all',
    'tags/?limit=all&include=count.posts',
    'authors/?limit=all&include=count.posts',
    'authors/slug/harbour-users-0/',
    'tags/slug/KITCHEN-TAGS-1/',
    'settings/',
    'newsletters/',
    'tiers/?include=monthly_price,yearly_price,benefits',
    'recommendations/?limit=5',
    'search-index/posts/',
    'search-index/tags/',
    `posts/?filter=${encodeURIComponent('tags:[kitchen-tags-1,letter-tags-2]+featured:true')}`,
    `posts/?filter=${encodeURIComponent("authors.slug:'harbour-users-0',primary_tag:kitchen-tags-1")}`,
    `posts/?filter=${encodeURIComponent('broken:[')}`,
    `posts/?filter=${encodeURIComponent('nofield:1')}`,
  ])
    area.content(path);
  area.page('/ghost/api/content/posts/?key=wrong');
  for (const path of [
    '/',
    '/page/2/',
    '/page/99/',
    '/rss/',
    '/sitemap.xml',
    '/sitemap-posts.xml',
    '/sitemap-tags.xml',
    '/sitemap-authors.xml',
    '/sitemap-pages.xml',
    '/robots.txt',
    '/harbour-posts-0/',
    '/kitchen-posts-1/',
    '/letter-posts-2/',
    '/night-posts-4/',
    '/harbour-posts-0/amp/',
    '/tag/harbour-tags-0/',
    '/tag/kitchen-tags-1/rss/',
    '/tag/letter-tags-2/page/2/',
    '/author/harbour-users-0/',
    '/author/mira/',
    '/none/',
    '/members/api/site/',
    '/members/api/member/',
    '/members/api/session/',
    '/.well-known/recommendations.json',
    '/llms.txt',
  ])
    area.page(path);
  return area.calls;
}
