/** What somebody does who wants a site's data in another strategy or cluster; for messages that refuse to do it at once. */
export const dataMoveRemedy =
  'data does not move by itself: export it (npm run site:export), take the site out of the registry and apply, ' +
  'add it at its new place and apply, import it there (npm run site:import); README, "Day two"';
