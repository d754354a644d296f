import { defineConfig } from 'vitest/config';

// One project a kind of proof: what needs real servers runs in few workers,
// since every Ghost wants a core of its own while it boots.
const slow = { testTimeout: 180_000, hookTimeout: 180_000, teardownTimeout: 30_000 };

export default defineConfig({
  test: {
    pool: 'forks',
    reporters: ['default'],
    projects: [
      // Some start a Node of their own, which takes seconds on a machine that builds at the same time.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { name: 'policy', include: ['test/policy/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { name: 'runtime', include: ['test/runtime/**/*.test.ts'], maxWorkers: 2, ...slow } },
      { test: { name: 'platform', include: ['test/platform/**/*.test.ts'], maxWorkers: 2, ...slow } },
      { test: { name: 'fleet', include: ['test/fleet/**/*.test.ts'], maxWorkers: 1, ...slow } },
      { test: { name: 'engine', include: ['test/engine/**/*.test.ts'], maxWorkers: 2, ...slow } },
      { test: { name: 'image', include: ['test/image/**/*.test.ts'], maxWorkers: 1, ...slow } },
      // Each file brings up a cluster of its own.
      { test: { name: 'cluster', include: ['test/cluster/**/*.test.ts'], maxWorkers: 1, ...slow } },
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], maxWorkers: 1, ...slow } },
    ],
  },
});
