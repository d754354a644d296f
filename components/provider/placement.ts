import { z } from 'zod';
import { locateSiteDatabase } from '../../runtime/database/provision.ts';
import { dataMoveRemedy } from '../../sites/data-move.ts';
import { databaseStrategies, slugPattern } from '../../sites/naming.ts';
import { administrator } from './administrator.ts';
import { readOwner } from './ownership.ts';
import { defineKind } from './resource-kind.ts';

const inputs = z.strictObject({
  slug: z.string().regex(slugPattern),
  strategy: z.enum(databaseStrategies),
  /** Name of the cluster of the data; none for SQLite. */
  cluster: z.string().min(1).optional(),
  /** Stack that the data belongs to. */
  owner: z.string().min(1),
  /** Administrators of the stack's clusters, by name: where data of the site may lie already. */
  servers: z.record(z.string(), administrator),
});

export type PlacementInputs = z.output<typeof inputs>;

/**
 * Where a site's data is, remembered by the state of every site, SQLite's too. It makes nothing: it is there so that a plan
 * which would move a site to another strategy or cluster is refused at preview, and so that a site which comes back to the
 * registry is not started empty at one place while its data lies at another.
 */
export const placement = defineKind<PlacementInputs, object>({
  inputs,
  secrets: ['servers'],
  identity: ['slug', 'strategy', 'cluster', 'owner'],
  onIdentityChange: 'refuse',
  remedy: dataMoveRemedy,

  async create(request) {
    const found = await findDataElsewhere(request);
    if (found.length > 0) {
      throw new Error(
        `site ${request.slug}: expected no data of ${request.owner} but in ${describe(request)}; ` +
          `got ${found.map(({ where }) => where).join(' and ')}: ${dataMoveRemedy}. ` +
          `What is given up is told by an administrator: ${found.map(({ release }) => release).join('; ')}`,
      );
    }
    return { id: request.slug, outputs: {} };
  },

  async update() {
    return {};
  },

  async read(state) {
    return state;
  },

  async delete() {
    // The data stays where it is, and with PostgreSQL its mark.
  },
});

interface FoundData {
  readonly where: string;
  /** Statement that takes the mark off. */
  readonly release: string;
}

async function findDataElsewhere(request: PlacementInputs): Promise<FoundData[]> {
  const { slug, owner } = request;
  const found: FoundData[] = [];
  for (const [cluster, admin] of distinctServers(request)) {
    for (const strategy of ['database', 'schema'] as const) {
      if (cluster === request.cluster && strategy === request.strategy) continue;
      const marked = await readOwner(admin, { slug, strategy }).catch((error: Error) => {
        throw new Error(`cluster ${cluster}: expected to see whether data of ${slug} is there; got ${error.message}`);
      });
      if (marked !== owner) continue;
      const { database, schema } = locateSiteDatabase({ slug, strategy });
      found.push(
        strategy === 'database'
          ? { where: `the database ${database} of ${cluster}`, release: `comment on database ${database} is null` }
          : {
              where: `the schema ${schema} in ${database} of ${cluster}`,
              release: `comment on schema ${schema} is null`,
            },
      );
    }
  }
  return found;
}

/** The servers, each once: two names may stand for one, and then it goes by the name of the site's own cluster. */
function distinctServers({ servers, cluster }: PlacementInputs): [string, PlacementInputs['servers'][string]][] {
  const entries = Object.entries(servers).sort(([a], [b]) => Number(b === cluster) - Number(a === cluster));
  const seen = new Set<string>();
  return entries.filter(([, { host, port }]) => {
    const address = `${host}:${port}`;
    return !seen.has(address) && seen.add(address);
  });
}

function describe({ strategy, cluster, slug }: PlacementInputs): string {
  if (strategy === 'sqlite') return 'the SQLite file of its volume';
  const { database, schema } = locateSiteDatabase({ slug, strategy });
  return strategy === 'database'
    ? `the database ${database} of ${cluster}`
    : `the schema ${schema} in ${database} of ${cluster}`;
}
