import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { imageNames } from '../../scripts/cluster/images.ts';
import { writeImage } from '../../scripts/cluster/oci-image.ts';
import { busybox, findProgram } from '../../scripts/services/debian-packages.ts';
import { currentPlatform } from '../../scripts/tools/platform.ts';
import { clusterCommand, clusterDriver, eventually, useClusterBed } from '../support/cluster/bed.ts';

const bed = useClusterBed();
const namespace = 'things';

async function apply(...objects: readonly object[]): Promise<void> {
  const text = objects.map((object) => stringify(object)).join('---\n');
  await bed.kubectl.run(['apply', '--server-side', '--filename=-'], text);
}

/** A deployment of one pod that serves `/data` by HTTP on port 8080. */
function webServer(name: string, volume: object, image: string = imageNames.busybox) {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'web',
              image,
              imagePullPolicy: 'Never',
              command: ['/bin/httpd', '-f', '-p', '8080', '-h', '/data'],
              ports: [{ containerPort: 8080 }],
              resources: { requests: { cpu: '10m' } },
              readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
            },
          ],
          volumes: [{ name: 'data', ...volume }],
        },
      },
    },
  };
}

function service(name: string) {
  const spec = { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec };
}

const rollout = (name: string) =>
  bed.kubectl.run(['rollout', 'status', `deployment/${name}`, `--namespace=${namespace}`, '--timeout=90s']);
const inPod = (name: string, ...command: readonly string[]) =>
  bed.kubectl.read('exec', `deployment/${name}`, `--namespace=${namespace}`, '--', ...command);
const podOf = (name: string) =>
  bed.kubectl.read('get', 'pods', `--namespace=${namespace}`, `--selector=app=${name}`, '--output=name');

/** What Traefik answers for a host. */
function ask(host: string, url = bed.record.ingress.http): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = get(`${url}/page`, { headers: { host }, timeout: 5_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: body.trim() }));
    });
    request.once('error', reject);
  });
}

beforeAll(async () => {
  await apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'ghost-fleet.dev/routes': 'allowed' } },
  });
  await apply(webServer('web', { emptyDir: {} }), service('web'));
  await rollout('web');
  await inPod('web', 'sh', '-c', 'echo from a pod >/data/page');
});

describe('a cluster', () => {
  it('has a ready node and one context, and says that all is well', async () => {
    expect(await bed.kubectl.read('config', 'get-contexts', '--output=name')).toBe('ghost-fleet');
    const ready = '{.items[*].status.conditions[?(@.type=="Ready")].status}';
    expect(await bed.kubectl.read('get', 'nodes', `--output=jsonpath=${ready}`)).toBe('True');
    const status = await clusterCommand(bed.folder, 'status');
    expect(status.stdout).not.toContain('FAILED');
    // kind runs these in containers of its node.
    const processes = clusterDriver === 'process' ? ['etcd', 'kubelet'] : [];
    for (const part of [...processes, 'node', 'coredns', 'storage', 'traefik', 'metrics-server']) {
      expect(status.stdout).toMatch(new RegExp(`^ok +${part} `, 'm'));
    }
    expect(status.exitCode).toBe(0);
  });

  it('resolves the name of a Service in a pod, and brings it to another pod', async () => {
    expect(await inPod('web', 'nslookup', `web.${namespace}.svc.cluster.local`)).toMatch(/Address: +198\.1[89]\./);
    expect(await inPod('web', 'wget', '-q', '-O', '-', `http://web.${namespace}/page`)).toBe('from a pod');
  });

  it('lets no pod out of the machine', async () => {
    const probe = ['sh', '-c', 'nc -w 5 192.0.2.1 80 </dev/null 2>&1; wget -q -O - http://example.com/ 2>&1; true'];
    expect(await inPod('web', ...probe)).toMatch(/(unreachable|timed out)[\s\S]*bad address/);
  });

  it('runs an image that was loaded from a tar', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-image-'));
    try {
      const programs = { 'bin/busybox': findProgram(busybox) ?? '' };
      const links = { 'bin/httpd': 'busybox', 'bin/cat': 'busybox' };
      const image = { name: 'docker.io/things/own:1', programs, links, entrypoint: ['/bin/busybox'] };
      const tar = await writeImage(image, currentPlatform().goArch, dir);
      expect(await clusterCommand(bed.folder, 'load', tar)).toMatchObject({
        exitCode: 0,
        stdout: 'loaded docker.io/things/own:1\n',
      });
    } finally {
      await rm(dir, { recursive: true });
    }
    await apply(webServer('own', { emptyDir: {} }, 'things/own:1'));
    await rollout('own');
    // Only the links of this image are there.
    await expect(inPod('own', 'sh', '-c', 'true')).rejects.toThrow(/sh/);
  });
});

describe('a volume', () => {
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'notes', namespace },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } },
  };

  it('binds, outlives the pod, and is kept when its claim goes', async () => {
    await apply(claim, webServer('notes', { persistentVolumeClaim: { claimName: 'notes' } }));
    await rollout('notes');
    await inPod('notes', 'sh', '-c', 'echo kept >/data/note');
    const first = await podOf('notes');
    await bed.kubectl.run(['delete', first, `--namespace=${namespace}`, '--grace-period=0', '--force']);
    await rollout('notes');
    expect(await podOf('notes')).not.toBe(first);
    expect(await inPod('notes', 'cat', '/data/note')).toBe('kept');

    await bed.kubectl.run(['delete', 'deployment/notes', 'pvc/notes', `--namespace=${namespace}`]);
    const policy = '{.items[*].spec.persistentVolumeReclaimPolicy}';
    expect(await bed.kubectl.read('get', 'pv', `--output=jsonpath=${policy}`)).toBe('Retain');
    expect(await readFile(path.join(bed.folder.volumes, namespace, 'notes', 'note'), 'utf8')).toBe('kept\n');
  });

  it('is found again by a claim of the same name', async () => {
    await apply(claim, webServer('notes', { persistentVolumeClaim: { claimName: 'notes' } }));
    await rollout('notes');
    expect(await inPod('notes', 'cat', '/data/note')).toBe('kept');
  });
});

describe('a route', () => {
  it('is served as an HTTPRoute of a Gateway, for its own host alone', async () => {
    const group = 'gateway.networking.k8s.io/v1';
    const allowedRoutes = {
      namespaces: { from: 'Selector', selector: { matchLabels: { 'ghost-fleet.dev/routes': 'allowed' } } },
    };
    await apply(
      {
        apiVersion: group,
        kind: 'Gateway',
        metadata: { name: 'door', namespace },
        spec: {
          gatewayClassName: 'traefik',
          listeners: [{ name: 'http', protocol: 'HTTP', port: 80, allowedRoutes }],
        },
      },
      {
        apiVersion: group,
        kind: 'HTTPRoute',
        metadata: { name: 'web', namespace },
        spec: {
          parentRefs: [{ name: 'door', namespace }],
          hostnames: ['gateway.example.com'],
          rules: [
            {
              matches: [{ path: { type: 'PathPrefix', value: '/' } }],
              backendRefs: [{ name: 'web', port: 80 }],
            },
          ],
        },
      },
    );
    await eventually(async () => {
      expect(await ask('gateway.example.com')).toEqual({ status: 200, body: 'from a pod' });
    });
    expect((await ask('nobody.example.com')).status).toBe(404);
    const programmed = '{.status.conditions[?(@.type=="Programmed")].status}';
    expect(
      await bed.kubectl.read('get', 'gateway', 'door', `--namespace=${namespace}`, `--output=jsonpath=${programmed}`),
    ).toBe('True');
  });

  it('is served as an Ingress', async () => {
    const backend = { service: { name: 'web', port: { number: 80 } } };
    await apply({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'web', namespace },
      spec: {
        ingressClassName: 'traefik',
        rules: [{ host: 'ingress.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
      },
    });
    await eventually(async () => {
      expect(await ask('ingress.example.com')).toEqual({ status: 200, body: 'from a pod' });
    });
  });
});

describe('metrics', () => {
  it('reach kubectl top and an autoscaler', async () => {
    await apply({
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web', namespace },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        minReplicas: 1,
        maxReplicas: 2,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
        ],
      },
    });
    await eventually(async () => {
      expect(await bed.kubectl.read('top', 'pods', `--namespace=${namespace}`)).toMatch(/^web-\S+ +\d+m +\d+Mi/m);
    }, 120_000);
    const active = '{.status.conditions[?(@.type=="ScalingActive")].status}';
    const args = ['get', 'hpa', 'web', `--namespace=${namespace}`, `--output=jsonpath=${active}`];
    await eventually(async () => expect(await bed.kubectl.read(...args)).toBe('True'), 120_000);
  });
});
