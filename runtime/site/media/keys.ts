/** Folder below a site's prefix that no browser reads: the distribution in front of the bucket serves `content/` only. */
export const privateFolder = 'private';
