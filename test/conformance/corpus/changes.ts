import { rowId } from '../../../scripts/dataset/rows.ts';
import { Area, type Call } from '../call.ts';

const lexical = (text: string): string =>
  JSON.stringify({
    root: {
      children: [
        {
          children: [{ detail: 0, format: 0, mode: 'normal', style: '', text, type: 'extended-text', version: 1 }],
          direction: 'ltr',
          format: '',
          indent: 0,
          type: 'paragraph',
          version: 1,
        },
      ],
      direction: 'ltr',
      format: '',
      indent: 0,
      type: 'root',
      version: 1,
    },
  });

/** What an editor does: creates, edits, collides, deletes; every refusal is compared too. */
export function editing(): Call[] {
  const area = new Area('editing');
  const kept = { post: 'posts.0.id', updated: 'posts.0.updated_at' };
  area.change(
    'POST',
    'posts/',
    {
      posts: [
        {
          title: 'Čerstvé zprávy',
          lexical: lexical('First'),
          tags: [{ name: 'Éclair' }, { name: 'A new tag' }],
          status: 'draft',
        },
      ],
    },
    kept,
  );
  area.change(
    'PUT',
    'posts/{post}/?save_revision=true',
    { posts: [{ title: 'Čerstvé zprávy II', lexical: lexical('Second'), updated_at: '{updated}' }] },
    kept,
  );
  area.change('PUT', 'posts/{post}/', { posts: [{ title: 'stale', updated_at: '2020-01-01T00:00:00.000Z' }] });
  area.change('PUT', 'posts/{post}/', { posts: [{ status: 'published', updated_at: '{updated}' }] }, kept);
  area.change(
    'PUT',
    'posts/{post}/',
    { posts: [{ tags: [{ name: 'a NEW tag' }, { name: 'ECLAIR' }, { name: 'Třetí' }], updated_at: '{updated}' }] },
    kept,
  );
  area.change(
    'PUT',
    'posts/{post}/',
    { posts: [{ authors: [{ id: rowId('users', 1) }, { slug: 'mira' }], updated_at: '{updated}' }] },
    kept,
  );
  area.change(
    'PUT',
    'posts/{post}/',
    { posts: [{ visibility: 'tiers', tiers: [{ id: rowId('products', 0) }], updated_at: '{updated}' }] },
    kept,
  );
  area.change('PUT', 'posts/{post}/', { posts: [{ slug: 'harbour-posts-0', updated_at: '{updated}' }] }, kept);
  area.change('PUT', 'posts/{post}/', { posts: [{ title: 'x'.repeat(300), updated_at: '{updated}' }] });
  area.change('PUT', 'posts/{post}/', { posts: [{ published_at: 'no date', updated_at: '{updated}' }] });
  area.change(
    'PUT',
    'posts/{post}/',
    {
      posts: [
        {
          featured: 'maybe',
          custom_excerpt: 'Back\\slash \'quoted\' "double" `tick` ? :name $1 🎉',
          updated_at: '{updated}',
        },
      ],
    },
    kept,
  );
  area.admin('posts/{post}/?formats=html,plaintext&include=tags,authors,tiers,post_revisions');
  area.page('/harbour-posts-0-2/');
  area.change('POST', 'posts/{post}/copy/', undefined, { copy: 'posts.0.id' });
  area.change('POST', 'posts/?source=html', {
    posts: [
      {
        title: 'From HTML',
        html: '<h2>x</h2><p>\u0000 null byte</p>',
        status: 'published',
        published_at: '2026-01-05T10:00:00.000Z',
        tags: ['#internal', 'Éclair'],
      },
    ],
  });
  area.change('POST', 'posts/', { posts: [{ title: null }] });
  area.change('POST', 'posts/', {
    posts: [{ status: 'published', title: 'No body', feature_image: 'x'.repeat(2100) }],
  });
  area.change(
    'POST',
    'pages/',
    { pages: [{ title: 'A page', slug: 'harbour-posts-0', lexical: lexical('Page'), status: 'published' }] },
    { page: 'pages.0.id', pageUpdated: 'pages.0.updated_at' },
  );
  area.change('PUT', 'pages/{page}/', { pages: [{ title: 'A page II', updated_at: '{pageUpdated}' }] });
  area.change('DELETE', 'pages/{page}/');
  area.change('DELETE', 'posts/{copy}/');
  area.change('DELETE', 'posts/{copy}/');
  area.change('POST', 'tags/', { tags: [{ name: 'éclair' }] }, { tag: 'tags.0.id' });
  area.change('POST', 'tags/', { tags: [{ name: 'Slugged', slug: 'harbour-tags-0' }] });
  area.change('POST', 'tags/', { tags: [{ name: ', comma' }] });
  area.change('POST', 'tags/', { tags: [{ name: 'n'.repeat(192) }] });
  area.change('PUT', 'tags/{tag}/', { tags: [{ name: 'ÉCLAIR!', description: 'd'.repeat(501) }] });
  area.change('PUT', 'tags/{tag}/', { tags: [{ name: 'ÉCLAIR!', description: 'Ünïcödé' }] });
  area.change('DELETE', 'tags/{tag}/');
  for (const name of ['Éditeurs', 'ÉDITEURS', 'editeurs', 'Editeurs ', ' Editeurs', 'ＥＤＩＴＥＵＲＳ', 'éditeurs2'])
    area.change('POST', 'labels/', { labels: [{ name }] });
  for (const name of ['Snippet É', 'snippet e', 'Snippet É '])
    area.change('POST', 'snippets/', { snippets: [{ name, mobiledoc: '{}', lexical: lexical('s') }] });
  area.change('POST', 'newsletters/', { newsletters: [{ name: 'Wöchentlich' }] }, { newsletter: 'newsletters.0.id' });
  area.change('POST', 'newsletters/', { newsletters: [{ name: 'WOCHENTLICH' }] });
  area.change('PUT', 'newsletters/{newsletter}/', { newsletters: [{ name: 'Default newsletter' }] });
  area.change('PUT', 'newsletters/{newsletter}/', { newsletters: [{ status: 'archived' }] });
  area.change(
    'POST',
    'tiers/',
    {
      tiers: [
        {
          name: 'Gönner',
          monthly_price: 1000,
          yearly_price: 10_000,
          currency: 'EUR',
          benefits: ['Éclair', 'eclair', 'New benefit'],
        },
      ],
    },
    { tier: 'tiers.0.id' },
  );
  area.change('PUT', 'tiers/{tier}/', { tiers: [{ name: 'Gönner II', benefits: ['New benefit', 'Straße'] }] });
  area.change('POST', 'tiers/', { tiers: [{ name: 'Broken', monthly_price: -1 }] });
  const offer = {
    display_title: 'Ö',
    display_description: '',
    type: 'percent',
    cadence: 'month',
    amount: 10,
    duration: 'once',
    duration_in_months: null,
    currency_restriction: false,
    currency: null,
    status: 'active',
    redemption_count: 0,
    tier: { id: '{tier}' },
  };
  area.change(
    'POST',
    'offers/',
    { offers: [{ ...offer, name: 'Spätsommer', code: 'summer' }] },
    { offer: 'offers.0.id' },
  );
  area.change('POST', 'offers/', { offers: [{ ...offer, name: 'spatsommer', code: 'other' }] });
  area.change('POST', 'offers/', { offers: [{ ...offer, name: 'Third', code: 'SUMMER' }] });
  area.change('PUT', 'offers/{offer}/', { offers: [{ name: 'Herbst', status: 'archived' }] });
  area.admin('offers/{offer}/');
  area.change(
    'POST',
    'integrations/',
    { integrations: [{ name: 'Zapier-like É' }] },
    { integration: 'integrations.0.id' },
  );
  area.change(
    'POST',
    'webhooks/',
    { webhooks: [{ event: 'post.published', target_url: 'http://127.0.0.1:9/hook', integration_id: '{integration}' }] },
    { webhook: 'webhooks.0.id' },
  );
  area.change('POST', 'webhooks/', {
    webhooks: [{ event: 'post.published', target_url: 'http://127.0.0.1:9/hook', integration_id: '{integration}' }],
  });
  area.change('PUT', 'webhooks/{webhook}/', { webhooks: [{ name: 'Hook', event: 'tag.added' }] });
  area.change('DELETE', 'webhooks/{webhook}/');
  area.change('DELETE', 'integrations/{integration}/');
  area.change('PUT', 'settings/', {
    settings: [
      { key: 'title', value: 'Konformität "quoted" \\ 🎉' },
      { key: 'description', value: null },
      { key: 'timezone', value: 'Asia/Tokyo' },
    ],
  });
  area.change('PUT', 'settings/', { settings: [{ key: 'no_such_key', value: 'x' }] });
  area.change('PUT', 'settings/', { settings: [{ key: 'timezone', value: 'Nowhere' }] });
  area.admin('settings/?group=site');
  area.page('/');
  area.change('PUT', 'settings/', {
    settings: [
      { key: 'timezone', value: 'Etc/UTC' },
      { key: 'title', value: 'Conformance' },
    ],
  });
  area.change('PUT', 'users/me/', { users: [{ name: 'Míra Éxample', bio: 'b'.repeat(251) }] });
  area.change('PUT', `users/${rowId('users', 1)}/`, { users: [{ email: 'MIRA@example.com' }] });
  area.change('PUT', `users/${rowId('users', 1)}/`, { users: [{ name: 'Renamed É', location: '  ' }] });
  area.change('DELETE', `users/${rowId('users', 2)}/`);
  area.admin('users/?include=roles,count.posts&order=name%20asc&limit=all');
  area.change('POST', 'invites/', {
    invites: [{ email: 'ANNA.0@users.example.com', role_id: '000000000000000000000000' }],
  });
  area.change(
    'POST',
    'recommendations/',
    {
      recommendations: [
        { title: 'Éclair blog', url: 'https://eclair.example.com/', excerpt: null, one_click_subscribe: false },
      ],
    },
    { recommendation: 'recommendations.0.id' },
  );
  area.change('POST', 'recommendations/', {
    recommendations: [{ title: 'twin', url: 'https://ECLAIR.example.com/?x=1' }],
  });
  area.change('POST', 'recommendations/check/', { recommendations: [{ url: 'https://www.eclair.example.com' }] });
  area.change('PUT', 'recommendations/{recommendation}/', { recommendations: [{ title: 'Edited', description: 'd' }] });
  area.change('DELETE', 'recommendations/{recommendation}/');
  area.change('PUT', 'custom_theme_settings/', {
    custom_theme_settings: [{ key: 'navigation_layout', value: 'Stacked' }],
  });
  area.change('POST', 'notifications/', { notifications: [{ type: 'info', message: 'hello', custom: true }] });
  area.change('PUT', 'links/bulk/', {
    bulk: {
      action: 'updateLink',
      filter: `post_id:${rowId('posts', 3)}+to:'http://pages.example.com/to/3'`,
      meta: { link: { to: 'http://pages.example.com/new' } },
    },
  });
  // Written within a second or two, so most of them tie.
  area.admin('actions/?include=actor,resource&limit=100', ['actions']);
  return area.calls;
}

/** Members one by one and in bulk. */
export function memberChanges(): Call[] {
  const area = new Area('members');
  area.change('POST', 'members/', { members: [{ email: 'Élise@example.com', name: 'Élise' }] });
  area.change(
    'POST',
    'members/',
    { members: [{ email: 'elise@example.com', name: 'Élise', labels: [{ name: 'VIP' }, { name: 'vip' }], note: 'n' }] },
    { member: 'members.0.id' },
  );
  area.change('POST', 'members/', { members: [{ email: 'ELISE@example.com' }] });
  area.change('POST', 'members/', { members: [{ email: 'anna.3@members.example.com' }] });
  area.change('POST', 'members/', { members: [{ email: 'no address' }] });
  area.change('PUT', 'members/{member}/?include=labels,newsletters,tiers', {
    members: [{ name: '  ', labels: [{ name: 'Vip' }, { name: 'Zürich' }], newsletters: [] }],
  });
  area.change('PUT', 'members/{member}/', { members: [{ tiers: [{ id: rowId('products', 1) }] }] });
  area.change('PUT', 'members/{member}/', { members: [{ email: 'bela.1@members.example.com' }] });
  area.change('PUT', 'members/{member}/', { members: [{ email: 'elise.new@example.com' }] });
  area.admin('members/{member}/?include=tiers,labels,newsletters');
  area.admin("members/events/?filter=data.member_id:'{member}'");
  for (const [action, meta] of [
    ['addLabel', { label: { id: rowId('labels', 1) } }],
    ['removeLabel', { label: { id: rowId('labels', 1) } }],
    ['unsubscribe', {}],
  ] as const) {
    area.change('PUT', `members/bulk/?filter=${encodeURIComponent("name:~'e'")}`, { bulk: { action, meta } });
    area.admin('members/?include=labels,newsletters&limit=30&order=email%20asc');
  }
  area.change('PUT', 'members/bulk/', { bulk: { action: 'addLabel', meta: {} } });
  area.change('DELETE', `members/?filter=${encodeURIComponent("status:free+name:~'Zürich'")}`);
  area.change('DELETE', 'members/?search=anna.1');
  area.change('DELETE', 'members/');
  area.admin('members/?limit=5');
  area.change('DELETE', 'members/{member}/');
  area.change('DELETE', 'members/{member}/');
  area.admin('members/stats/count/');
  return area.calls;
}

/** Bulk changes of posts, then import, export, and the wipe that ends every run. */
export function wholesale(): Call[] {
  const area = new Area('wholesale');
  const filter = (text: string) => `filter=${encodeURIComponent(text)}`;
  area.change('PUT', `posts/bulk/?${filter("title:~'e'+status:published")}`, { bulk: { action: 'feature' } });
  area.change('PUT', `posts/bulk/?${filter('featured:true+visibility:public')}`, { bulk: { action: 'unfeature' } });
  area.change('PUT', `posts/bulk/?${filter('status:published+tag:kitchen-tags-1')}`, {
    bulk: { action: 'addTag', meta: { tags: [{ name: 'Bulk É' }, { id: rowId('tags', 2) }] } },
  });
  area.change('PUT', `posts/bulk/?${filter('visibility:public')}`, {
    bulk: { action: 'access', meta: { visibility: 'tiers', tiers: [{ id: rowId('products', 0) }] } },
  });
  area.change('PUT', `posts/bulk/?${filter('status:published+featured:false')}`, { bulk: { action: 'unpublish' } });
  area.admin('posts/?limit=all&include=tags,tiers&order=id%20asc&fields=id,title,status,featured,visibility');
  area.change('DELETE', `posts/?${filter("title:~^'e'")}`);
  area.admin('posts/?limit=100&order=id%20asc&fields=id,title,status');
  const csv = [
    'email,name,note,labels,subscribed_to_emails,created_at',
    'csv.one@example.com,Éva,"a, b","Éclair,New csv label",true,2026-01-01T00:00:00Z',
    'CSV.ONE@example.com,Twin,,,,',
    'anna.3@members.example.com,Änderung,,,false,',
    'broken,Nobody,,,,',
    'csv.two@example.com,🎉,,NULL,,',
  ].join('\n');
  area.add({
    method: 'POST',
    as: 'owner',
    path: '/ghost/api/admin/members/upload/',
    upload: { field: 'membersfile', filename: 'members.csv', type: 'text/csv', content: csv },
  });
  area.admin('members/?filter=label:new-csv-label&include=labels');
  area.admin('members/?search=csv&include=labels,newsletters&order=email%20asc');
  area.admin('labels/?limit=all&include=count.members&order=name%20asc');
  area.add({
    method: 'POST',
    as: 'owner',
    path: '/ghost/api/admin/db/',
    upload: { field: 'importfile', filename: 'import.json', type: 'application/json', content: exportFile() },
  });
  area.add({
    method: 'GET',
    as: 'owner',
    path: `/ghost/api/admin/posts/?${filter("title:'Without slug'")}&fields=title`,
    until: { path: 'meta.pagination.total', value: '1' },
  });
  area.admin('posts/?filter=slug:[imported-one,imported-two,harbour-posts-0]&include=tags,authors&formats=html');
  area.admin('tags/?limit=all&order=name%20asc&include=count.posts');
  area.admin('db/', ['db.0.data.posts_products', 'db.0.data.posts_tags']);
  area.add({
    method: 'POST',
    as: 'owner',
    path: '/ghost/api/admin/db/',
    upload: { field: 'importfile', filename: 'broken.json', type: 'application/json', content: '{"nothing":' },
  });
  area.change('DELETE', 'db/');
  area.admin('posts/?limit=all');
  area.admin('tags/?limit=all');
  area.admin('members/?limit=5');
  area.page('/');
  return area.calls;
}

/** A small export as Ghost writes one, with twins by case, a broken reference and an author who is here already. */
function exportFile(): string {
  const at = '2025-05-05T05:05:05.000Z';
  const post = {
    mobiledoc: null,
    html: null,
    plaintext: null,
    status: 'published',
    type: 'post',
    visibility: 'public',
    featured: 0,
    created_at: at,
    updated_at: at,
    published_at: at,
  };
  return JSON.stringify({
    db: [
      {
        meta: { exported_on: 1_746_421_505_000, version: '6.46.0' },
        data: {
          posts: [
            {
              ...post,
              id: '680000000000000000000001',
              title: 'Imported É',
              slug: 'imported-one',
              lexical: lexical('One'),
            },
            {
              ...post,
              id: '680000000000000000000002',
              title: 'Imported two',
              slug: 'imported-two',
              lexical: lexical('Two'),
              published_at: null,
              status: 'draft',
            },
            {
              ...post,
              id: '680000000000000000000003',
              title: 'Twin',
              slug: 'harbour-posts-0',
              lexical: lexical('Three'),
            },
            {
              ...post,
              id: '680000000000000000000004',
              title: 'Without slug',
              lexical: lexical('Four'),
              featured: true,
            },
          ],
          tags: [
            { id: '680000000000000000000011', name: 'ÉCLAIR', slug: 'eclair-imported', created_at: at },
            { id: '680000000000000000000012', name: 'Imported tag', slug: 'imported-tag', created_at: at },
            { id: '680000000000000000000013', name: 'imported TAG', slug: 'imported-tag-twin', created_at: at },
          ],
          posts_tags: [
            {
              id: '680000000000000000000021',
              post_id: '680000000000000000000001',
              tag_id: '680000000000000000000011',
              sort_order: 1,
            },
            {
              id: '680000000000000000000022',
              post_id: '680000000000000000000001',
              tag_id: '680000000000000000000012',
              sort_order: 0,
            },
            {
              id: '680000000000000000000023',
              post_id: '680000000000000000000002',
              tag_id: '680000000000000000000099',
              sort_order: 0,
            },
          ],
          users: [
            {
              id: '680000000000000000000031',
              name: 'Mira',
              slug: 'mira',
              email: 'MIRA@example.com',
              status: 'active',
              created_at: at,
              password: 'x',
            },
            {
              id: '680000000000000000000032',
              name: 'Ímported',
              slug: 'imported',
              email: 'imported@example.com',
              status: 'active',
              created_at: at,
              password: 'x',
            },
          ],
          posts_authors: [
            {
              id: '680000000000000000000041',
              post_id: '680000000000000000000001',
              author_id: '680000000000000000000032',
              sort_order: 0,
            },
            {
              id: '680000000000000000000042',
              post_id: '680000000000000000000002',
              author_id: '680000000000000000000031',
              sort_order: 0,
            },
          ],
        },
      },
    ],
  });
}
