// Follows a job: its lines as they come, then what became of it.
const log = document.querySelector('#log');
const source = new EventSource(`${log.dataset.events}?after=${log.dataset.after}`);

source.addEventListener('line', (event) => {
  log.append(`${JSON.parse(event.data)}\n`);
});

source.addEventListener('state', (event) => {
  document.querySelector('#state').textContent = JSON.parse(event.data).state;
});

source.addEventListener('end', (event) => {
  source.close();
  const { state, error, url } = JSON.parse(event.data);
  document.querySelector('#state').textContent = state;
  const outcome = document.querySelector('#outcome');
  if (state === 'done' && url) {
    const link = Object.assign(document.createElement('a'), { href: url, textContent: 'Open the site' });
    link.className = 'button';
    outcome.replaceChildren(link);
  } else if (error) outcome.textContent = error;
});
