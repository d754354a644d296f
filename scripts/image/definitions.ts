/** An image that this project builds. */
export interface ImageDefinition {
  readonly name: ImageName;
  readonly dockerfile: string;
  /** Programs that it has to run. */
  readonly programs: readonly string[];
  /** Folders of files that those read. */
  readonly assets: readonly string[];
  /** Packages whose files they read, which no import names. */
  readonly readPackages: readonly string[];
  /** Packages that are imported on ways that no container takes. */
  readonly unusedPackages: readonly string[];
  /** Whether the pinned Ghost is in it. */
  readonly hasGhost: boolean;
  /** Name of the user that it runs as. */
  readonly user: string;
  /** Folder that is to be mounted, which the user owns. */
  readonly content: string | undefined;
}

export type ImageName = 'site' | 'platform';

export const images: Readonly<Record<ImageName, ImageDefinition>> = {
  site: {
    name: 'site',
    dockerfile: 'runtime/site/Dockerfile',
    programs: [
      'runtime/container/main.ts',
      'runtime/site/self-test.ts',
      // Ghost loads it by its path.
      'runtime/site/sign-in/owner-adapter.ts',
    ],
    assets: [],
    readPackages: [],
    unusedPackages: [],
    hasGhost: true,
    user: 'ghost',
    content: 'var/lib/ghost/content',
  },
  platform: {
    name: 'platform',
    dockerfile: 'runtime/platform/Dockerfile',
    programs: ['runtime/platform/main.ts', 'runtime/platform/self-test.ts'],
    assets: ['runtime/platform/web/assets'],
    readPackages: ['dejavu-fonts-ttf', 'uplot'],
    // For sites whose files are on the platform's own machine: a cluster's are asked by their probe port.
    unusedPackages: ['better-sqlite3'],
    hasGhost: false,
    user: 'platform',
    content: undefined,
  },
};
