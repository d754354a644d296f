/** Domain of the sites, of which the front door answers all. */
export const baseDomain = 'sites.example.test';

/** Domain of their probe ports. */
export const probeDomain = 'probes.example.test';

/** Cluster of PostgreSQL of the real stacks; the recorded engine names none. */
export const clusterName = 'eu-1';
