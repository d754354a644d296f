import * as pulumi from '@pulumi/pulumi';
import { namesOf } from '../sites/naming.ts';
import { type Binding, createBindingSecret } from './binding.ts';
import { SearchIndexResource } from './fleet-resources.ts';
import type { SearchInstance } from './search-service.ts';

export interface SiteSearchIndexArgs {
  readonly slug: string;
  readonly namespace: pulumi.Input<string>;
  /** The instance that the site's index lies on. */
  readonly instance: SearchInstance & { readonly adminUrl: string };
}

/** An index for one site's posts, a key that searches it and a key that fills it; neither reaches another index. */
export class SiteSearchIndex extends pulumi.ComponentResource {
  readonly binding: Binding;

  constructor(name: string, args: SiteSearchIndexArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteSearchIndex', name, {}, options);
    const { instance } = args;
    const index = new SearchIndexResource(
      `${name}-index`,
      {
        uid: namesOf(args.slug).searchIndex,
        primaryKey: 'id',
        settings: {
          searchableAttributes: ['title', 'excerpt', 'plaintext', 'tags', 'authors'],
          filterableAttributes: ['visibility', 'tags', 'authors', 'published_at'],
          sortableAttributes: ['published_at'],
        },
        admin: pulumi.secret({ url: instance.adminUrl, masterKey: instance.masterKey }),
      },
      { parent: this },
    );
    const values = { SEARCH_KEY: index.searchKey, SEARCH_INDEXING_KEY: index.indexingKey };
    this.binding = {
      environment: { SEARCH_URL: instance.url, SEARCH_INDEX: namesOf(args.slug).searchIndex },
      secret: createBindingSecret('search', args.slug, args.namespace, values, { parent: this }),
    };
    this.registerOutputs({});
  }
}
