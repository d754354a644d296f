import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand, UsageError } from './command.ts';
import { buildSiteImage } from './image/build.ts';

const usage = `usage: npm run image -- build [--tag <name>] [--ghost <version>] [--base <image>]

Builds the image of a site by runtime/site/Dockerfile and writes it to .local/images, with a list of all that is in it
(CycloneDX): with docker where it reaches a registry, else with buildah (as root) from what npm and Debian have. Nothing
is built where nothing that goes into it has changed. kind load image-archive, docker load and
ctr -n k8s.io images import take the file.

  --tag <name>        (default: ghost-fleet/site:dev)
  --ghost <version>   another release of Ghost than the pinned one
  --base <image>      another base than that of the Dockerfile; it must have the pinned Node

Exit codes: 0, 69 what builds images cannot be had, 78 usage.`;

await runCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tag: { type: 'string', default: 'ghost-fleet/site:dev' },
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
  if (!/^[a-z0-9]+([./_-][a-z0-9]+)*:[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(values.tag))
    problems.push(`--tag: expected a name such as ghost-fleet/site:dev; got ${JSON.stringify(values.tag)}`);
  if (values.ghost !== undefined && !/^\d+\.\d+\.\d+$/.test(values.ghost))
    problems.push(`--ghost: expected a version such as 6.65.0; got ${JSON.stringify(values.ghost)}`);
  if (problems.length > 0) throw new UsageError(problems);
  const root = path.resolve(import.meta.dirname, '..');
  const image = await buildSiteImage({ root, tag: values.tag, ghostVersion: values.ghost, base: values.base });
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  console.log(`${image.tag}: Ghost ${image.ghostVersion}`);
  console.log(`  archive   ${path.relative(process.cwd(), image.archive)}  ${megabytes(image.size.image)}`);
  console.log(`  contents  ${path.relative(process.cwd(), image.sbom)}`);
  console.log(`  Ghost as npm and pnpm install it: ${megabytes(image.size.installedGhost)}`);
  return 0;
});
