import { beforeAll, describe, expect, it } from 'vitest';
import { GhostAdmin } from '../../support/ghost-admin.ts';
import { SiteUnderTest, siteEnvironment } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';

const owner = {
  name: 'Mira Example',
  email: 'mira@example.com',
  password: 'correct horse 4711 staple',
  blogTitle: 'Questions',
};

/** What Ghost Admin and integrations ask for, by path below /ghost/api/admin/. */
const questions = [
  'posts/?include=tags,authors,tiers,email,count.clicks,count.signups,count.paid_conversions&formats=mobiledoc,lexical&order=updated_at%20desc',
  'posts/?filter=status:[draft,scheduled]%2Btag:news&order=published_at%20asc',
  "posts/?filter=title:~'the'%2Bfeatured:false%2Bauthor:mira&page=2&limit=1",
  "posts/?filter=published_at:%3E'2020-01-01',visibility:-public",
  'posts/?filter=tags:[news,austria]%2Bprimary_tag:news',
  'posts/?filter=newsletter_id:null%2Bemails.id:null',
  'pages/?include=tags,authors&order=title%20desc',
  'tags/?include=count.posts&order=count.posts%20desc,name%20asc&limit=100',
  "tags/?filter=visibility:public%2Bname:~^'n'",
  'users/?include=roles,count.posts,permissions&order=last_seen%20desc',
  'members/?include=labels,newsletters,tiers,subscriptions&order=created_at%20desc',
  'members/?filter=label:vip%2Bstatus:free&search=example',
  "members/?filter=name:~'e'%2Bemail:-~'nobody'&order=email_open_rate%20desc",
  "members/?filter=created_at:%3C'2030-01-01'%2B(subscribed:true,email_count:%3E0)",
  'members/?filter=newsletters.slug:default-newsletter%2Bemail_disabled:0',
  'members/?filter=subscriptions.plan_interval:month,tier_id:[abc]',
  'members/?filter=signup:null%2Bconversion:null',
  'members/?filter=last_seen_at:null,opened_emails.post_id:null',
  'members/?filter=clicked_links.post_id:-abc%2Bemails.post_id:-abc',
  'members/?filter=offer_redemptions:abc',
  'members/?filter=comments.count:0',
  'members/stats/count/',
  'members/stats/mrr/',
  'members/stats/?days=30',
  'members/events/?filter=type:-[aggregated_click_event]&limit=20',
  "members/events/?filter=type:[login_event,signup_event,newsletter_event]%2Bdata.created_at:%3E'2020-01-01'",
  'members/upload/?limit=all',
  'labels/?include=count.members&order=name%20asc',
  'newsletters/?include=count.posts,count.members,count.active_members',
  'tiers/?include=monthly_price,yearly_price,benefits&filter=type:paid%2Bactive:true',
  'offers/?filter=status:active',
  'snippets/?limit=all',
  'integrations/?include=api_keys,webhooks',
  'invites/?include=roles',
  'roles/?permissions=assign',
  'settings/?group=site,theme,private,members,portal,newsletter,email,labs,slack,unsplash',
  'custom_theme_settings/',
  'themes/',
  'actions/?include=actor,resource&limit=20&order=created_at%20desc',
  'comments/?include=member,post&order=created_at%20desc',
  'stats/member_count/?date_from=2026-01-01',
  'stats/mrr/',
  'stats/subscriptions/',
  'stats/top-posts/?date_from=2026-01-01&date_to=2026-12-31&timezone=Europe%2FVienna&order=free_members%20desc',
  'stats/top-posts-views/?date_from=2026-01-01&date_to=2026-12-31&timezone=America%2FNew_York',
  'stats/newsletter-stats/?newsletter_id=abc&date_from=2026-01-01&date_to=2026-12-31&order=open_rate%20desc',
  'stats/newsletter-basic-stats/?newsletter_id=abc&order=date%20desc',
  'stats/subscriber-count/?newsletter_id=abc&date_from=2026-01-01&date_to=2026-12-31&timezone=Asia%2FTokyo',
  'mentions/?order=created_at%20desc&unique=true',
  'recommendations/?include=count.clicks,count.subscribers',
  'incoming_recommendations/',
  'links/?filter=post_id:abc',
  'emails/',
  'automated_emails/',
  'search-index/posts/',
  'search-index/tags/',
  'search-index/users/',
  'db/',
  'slugs/post/a%20new%20post/',
  'site/',
  'config/',
];

const shared = useTestServer();

describe('the questions of Ghost Admin', () => {
  const answers = new Map<string, Map<string, string>>();
  beforeAll(async () => {
    for (const strategy of ['sqlite', 'database'] as const) {
      const env = await siteEnvironment({
        slug: `asked-${strategy}`,
        title: 'Questions',
        dir: shared.dir,
        strategy,
        server: shared.server,
      });
      const site = await new SiteUnderTest(env).ready();
      const admin = new GhostAdmin(env);
      await admin.setUp(owner);
      for (const [title, tag] of [
        ['The first', 'News'],
        ['the second', 'Austria'],
        ['A third', 'News'],
      ]) {
        await admin.send('POST', '/ghost/api/admin/posts/?source=html', {
          posts: [{ title, html: '<p>x</p>', status: 'published', tags: [{ name: tag }] }],
        });
      }
      for (const name of ['Élise', 'emil', 'Zoe']) {
        await admin.send('POST', '/ghost/api/admin/members/', {
          members: [{ name, email: `${name.length}-${name.charCodeAt(0)}@example.com`, labels: [{ name: 'VIP' }] }],
        });
      }
      const found = new Map<string, string>();
      for (const question of questions) {
        const { status, body } = await admin.send('GET', `/ghost/api/admin/${question}`);
        const first = typeof body === 'object' && body !== null ? Object.values(body)[0] : undefined;
        found.set(
          question,
          `${status} ${Array.isArray(first) ? first.length : typeof first}${status >= 500 ? ` ${JSON.stringify(body).slice(0, 300)}` : ''}`,
        );
      }
      answers.set(strategy, found);
      await site.stop();
    }
  });

  it.each(questions)('%s is answered on PostgreSQL as on SQLite', (question) => {
    expect(answers.get('database')?.get(question)).toBe(answers.get('sqlite')?.get(question));
  });
});
