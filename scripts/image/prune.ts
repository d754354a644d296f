import { cpSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** A kind of file that no running server loads. Paths are relative to a folder that holds `node_modules`. */
interface Rule {
  readonly name: string;
  readonly matches: (file: string) => boolean;
}

/** Packages that only serve to build others, or to check types. */
const buildOnly =
  /^(typescript|@typescript\/.+|@types\/.+|type-fest|node-gyp|node-addon-api|nan|prebuild-install|install-artifact-from-github)$/;

/** Folders at the root of a package that are for its own developers. */
const developersOnly = /^(tests?|__tests__|examples?|benchmarks?|coverage|docs?|\.github|\.vscode|\.idea)$/;

/** Script files are read by programs, whatever folder they are in; `.node` are the compiled modules themselves. */
const script = /\.(js|json|mjs|cjs|node)$/;

/**
 * The first three follow `scripts/prune.mts`, which Ghost's own container is pruned with, and keep its exceptions: some
 * packages have run-time modules in `vendor/`, and licences stay with what they license.
 */
const rules: readonly Rule[] = [
  { name: 'TypeScript, declarations, source maps', matches: (file) => /\.([cm]?ts|tsx|map|tsbuildinfo)$/.test(file) },
  {
    name: 'documentation',
    matches: (file) => {
      const base = path.basename(file);
      if (!/^(node_modules|core|bin)\//.test(file) || /^(licen[sc]e|notice)/i.test(base)) return false;
      return /\.(md|markdown)$/i.test(base) || /^(history|authors|changelog|contributors)(\.txt)?$/i.test(base);
    },
  },
  {
    name: 'sources of native modules and what their compilers left',
    matches: (file) => {
      if (!file.startsWith('node_modules/')) return false;
      if (/\.(cc|cpp|cxx|c|h|hpp|hxx|inc|gyp|gypi|mk|o|a|d|bare)$/.test(file) || file.includes('/obj.target/'))
        return true;
      return file.includes('/vendor/') && !script.test(file);
    },
  },
  {
    name: 'what browsers, and other systems than the image, would load',
    matches: (file) => /(^|\/)node_modules\/pdfkit\/js\/pdfkit\.(browser|standalone|old)|\.musl\.node$/.test(file),
  },
  {
    name: 'fonts and lists of them that no document is set in',
    matches: (file) =>
      /(^|\/)node_modules\/dejavu-fonts-ttf\/(?!LICENSE$|package\.json$|ttf\/DejaVuSans(-Bold)?\.ttf$)./.test(file),
  },
  { name: 'packages for building only', matches: (file) => packagesOf(file).some((name) => buildOnly.test(name)) },
  {
    name: "what the packages' own pnpm left",
    matches: (file) => /^node_modules\/(\.pnpm\/lock\.yaml|\.modules\.yaml|\.pnpm-workspace-state.*)$/.test(file),
  },
  {
    name: 'archives and patches that were installed from',
    matches: (file) => /^(components|patches|types|scripts)\//.test(file),
  },
];

/** Decides, file by file, what a tree with `node_modules` needs at run time. */
export class Pruner {
  readonly #root: string;
  readonly #developersFolders = new Map<string, boolean>();
  /** Bytes left out by each rule. */
  readonly removed = new Map<string, number>();

  /** @param root folder that the paths are relative to */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Whether a file or folder is to be kept. A folder that is not needs no look inside: nobody types a package's commands,
   * and nobody builds it again.
   *
   * @param size bytes of a file, for the count
   */
  keeps(file: string, kind: { readonly folder: boolean; readonly size: number }): boolean {
    if (kind.folder && /\/node_modules\/\.(bin|tmp)$/.test(`/${file}`)) return false;
    if (kind.folder)
      return !this.#isForDevelopers(file) && !packagesOf(`${file}/`).some((name) => buildOnly.test(name));
    const rule = rules.find(({ matches }) => matches(file));
    if (rule === undefined) return true;
    this.removed.set(rule.name, (this.removed.get(rule.name) ?? 0) + kind.size);
    return false;
  }

  /** A package may name such a folder in what it exports; then the folder is no longer only for its developers. */
  #isForDevelopers(folder: string): boolean {
    const inner = /^(.*node_modules\/(?:@[^/]+\/)?[^/@.][^/]*)\/([^/]+)$/.exec(folder);
    if (inner === null) return false;
    const [, home = '', name = ''] = inner;
    if (!developersOnly.test(name)) return false;
    const known = this.#developersFolders.get(folder);
    if (known !== undefined) return known;
    const answer = !entriesOf(path.join(this.#root, home)).some((entry) =>
      entry.replace(/^\.\//, '').startsWith(`${name}/`),
    );
    this.#developersFolders.set(folder, answer);
    return answer;
  }
}

/**
 * Copies what a running server needs of a tree with `node_modules`.
 *
 * @param folder what is copied, relative to `root` as to `target`
 */
export function copyPruned(root: string, folder: string, target: string): void {
  const pruner = new Pruner(root);
  cpSync(path.join(root, folder), path.join(target, folder), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => {
      const file = path.relative(root, source);
      if (file === '' || file === folder) return true;
      const found = statSync(source, { throwIfNoEntry: false });
      // A link is judged by its name too: one that leads to what is left out goes with it.
      return pruner.keeps(file, { folder: found?.isDirectory() ?? false, size: found?.size ?? 0 });
    },
  });
  for (const [rule, bytes] of pruner.removed)
    if (bytes > 1e6) console.error(`left out: ${(bytes / 1e6).toFixed(0)} MB of ${rule}`);
}

/** Names of the packages that a path leads through: those of pnpm's store by the folder that holds one package. */
function packagesOf(file: string): string[] {
  const store = /^node_modules\/\.pnpm\/([^/]+)\//.exec(file)?.[1];
  const inStore = store === undefined || store === 'node_modules' ? undefined : /^(@?[^@]+)@/.exec(store)?.[1];
  const plain = [...file.matchAll(/(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/@.][^/]*)(?=\/)/g)].map(
    ([, name]) => name ?? '',
  );
  return inStore === undefined ? plain : [inStore.replace('+', '/'), ...plain];
}

/** Every path that a package's own description mentions. */
function entriesOf(home: string): string[] {
  let description: Record<string, unknown>;
  try {
    description = JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8')) as Record<string, unknown>;
  } catch (error) {
    // A folder of a package's that is named like a package: nothing is known of it, so it stays.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return ['test/', 'tests/', 'docs/', 'doc/', 'example/', 'examples/'];
    throw error;
  }
  const { main, module, exports, bin, imports, browser } = description;
  const texts: string[] = [];
  JSON.stringify([main, module, exports, bin, imports, browser], (_key, value: unknown) => {
    if (typeof value === 'string') texts.push(value);
    return value;
  });
  return texts;
}
