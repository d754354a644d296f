import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** How an API server is reached. */
export interface ApiAccess {
  readonly server: string;
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly token?: string;
  /** Namespace of objects that name none. */
  readonly namespace: string;
}

interface Kubeconfig {
  readonly 'current-context'?: string;
  readonly contexts?: readonly { name: string; context: { cluster: string; user: string; namespace?: string } }[];
  readonly clusters?: readonly { name: string; cluster: Readonly<Record<string, string>> }[];
  readonly users?: readonly { name: string; user: Readonly<Record<string, string>> }[];
}

/**
 * Reads one context of a kubeconfig with certificates or a token; commands that fetch credentials are not served.
 *
 * @param given the text of a kubeconfig, or its path
 * @param context @default the file's current context
 */
export function readKubeconfig(given: string, context?: string): ApiAccess {
  const config = parse(existsSync(given) ? readFileSync(given, 'utf8') : given) as Kubeconfig;
  const name = context || config['current-context'];
  const chosen = config.contexts?.find((entry) => entry.name === name)?.context;
  const cluster = config.clusters?.find((entry) => entry.name === chosen?.cluster)?.cluster;
  const user = config.users?.find((entry) => entry.name === chosen?.user)?.user;
  if (chosen === undefined || cluster?.server === undefined) {
    const names = config.contexts?.map((entry) => entry.name).join(', ');
    throw new Error(`kubeconfig: expected a context out of ${names || 'none'}; got ${JSON.stringify(name)}`);
  }
  return {
    server: cluster.server.replace(/\/$/, ''),
    ca: readPart(cluster, 'certificate-authority'),
    certificate: readPart(user, 'client-certificate'),
    key: readPart(user, 'client-key'),
    token: user?.token,
    namespace: chosen.namespace ?? 'default',
  };
}

function readPart(entry: Readonly<Record<string, string>> | undefined, name: string): string | undefined {
  const data = entry?.[`${name}-data`];
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
  const file = entry?.[name];
  return file === undefined ? undefined : readFileSync(file, 'utf8');
}
