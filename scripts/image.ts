import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand, UsageError } from './command.ts';
import { buildImage } from './image/build.ts';
import { images } from './image/definitions.ts';

const usage = `usage: npm run image -- build [--image site|platform] [--tag <name>] [--ghost <version>] [--base <image>]

Builds the image of a site (runtime/site/Dockerfile) or of the platform (runtime/platform/Dockerfile) and writes it to
.local/images, with a list of all that is in it (CycloneDX): with docker where it reaches a registry, else with buildah (as root) from what npm and Debian have. Nothing
is built where nothing that goes into it has changed. kind load image-archive, docker load and
ctr -n k8s.io images import take the file.

  --image <name>      site or platform (default: site)
  --tag <name>        (default: ghost-fleet/<image>:dev)
  --ghost <version>   another release of Ghost in the image of a site than the pinned one
  --base <image>      another base than that of the Dockerfile; it must have the pinned Node

Exit codes: 0, 69 what builds images cannot be had, 78 usage.`;

await runCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      image: { type: 'string', default: 'site' },
      tag: { type: 'string' },
      ghost: { type: 'string' },
      base: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const problems: string[] = [];
  if (positionals.join(' ') !== 'build') problems.push(`expected build; got ${positionals.join(' ') || 'nothing'}`);
  const image = Object.values(images).find(({ name }) => name === values.image);
  if (image === undefined)
    problems.push(`--image: expected ${Object.keys(images).join(' or ')}; got ${JSON.stringify(values.image)}`);
  const tag = values.tag ?? `ghost-fleet/${values.image}:dev`;
  if (values.tag !== undefined && !/^[a-z0-9]+([./_-][a-z0-9]+)*:[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(tag))
    problems.push(`--tag: expected a name such as ghost-fleet/site:dev; got ${JSON.stringify(tag)}`);
  if (values.ghost !== undefined && !/^\d+\.\d+\.\d+$/.test(values.ghost))
    problems.push(`--ghost: expected a version such as 6.65.0; got ${JSON.stringify(values.ghost)}`);
  if (values.ghost !== undefined && image?.hasGhost === false)
    problems.push(`--ghost: expected none for the image ${image.name}, which has no Ghost; got ${values.ghost}`);
  if (image === undefined || problems.length > 0) throw new UsageError(problems);
  const root = path.resolve(import.meta.dirname, '..');
  const built = await buildImage({ root, image, tag, ghostVersion: values.ghost, base: values.base });
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  console.log(built.ghost === undefined ? built.tag : `${built.tag}: Ghost ${built.ghost.version}`);
  console.log(`  archive   ${path.relative(process.cwd(), built.archive)}  ${megabytes(built.bytes)}`);
  console.log(`  contents  ${path.relative(process.cwd(), built.sbom)}`);
  if (built.ghost !== undefined)
    console.log(`  Ghost as npm and pnpm install it: ${megabytes(built.ghost.installedBytes)}`);
  return 0;
});
