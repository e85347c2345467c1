// The console: asks for the cluster every two seconds and shows it. No framework, nothing from elsewhere.
'use strict';

const PERIOD_MILLIS = 2000;
const HISTORY = 150; // looks that the plots show: five minutes
const EVENTS_MAX = 1000;
const EVENTS_AT_A_TIME = 200; // as many are in one answer

let cluster = null;
let shownVolume = null;
const histories = new Map(); // volume name -> looks
const last = new Map(); // "gateway/instance/volume" -> activity
let lastEvent = 0; // number of the youngest event that is shown

const byId = (id) => document.getElementById(id);

/** An element; children that are text are never taken for markup. */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === 'onclick') made.addEventListener('click', value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function svg(tag, attributes, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function bytes(count) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  let value = count;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

const whole = (value) => Math.round(value).toLocaleString('en');

/** Replaces what is shown without losing the keyboard's place: elements with the same key get the focus again. */
function show(place, ...children) {
  const focused = document.activeElement && place.contains(document.activeElement)
    ? document.activeElement.dataset.key : null;
  place.replaceChildren(...children);
  if (focused) {
    const again = [...place.querySelectorAll('[data-key]')].find((e) => e.dataset.key === focused);
    if (again) again.focus();
  }
}

function table(heads, rows) {
  const head = element('tr', {}, ...heads.map((h) =>
    element('th', { scope: 'col', class: h.endsWith('#') ? 'number' : null }, h.replace('#', ''))));
  const body = rows.map((cells) => element('tr', {}, ...cells.map((cell, i) =>
    element('td', { class: heads[i].endsWith('#') ? 'number' : null }, cell))));
  return element('div', { class: 'scroll' },
    element('table', {}, element('thead', {}, head), element('tbody', {}, ...body)));
}

function bar(share, text) {
  const percent = Math.max(0, Math.min(100, Math.round(share * 100)));
  const fill = element('i');
  fill.style.width = `${percent}%`;
  return element('div', { class: 'bar', role: 'meter', 'aria-label': text, 'aria-valuemin': 0,
    'aria-valuemax': 100, 'aria-valuenow': percent }, fill);
}

// ---------------------------------------------------------------- what is shown

function volumeState(volume) {
  const health = volume.health;
  if (health.unavailable > 0) return ['unavailable', 'bad'];
  if (health.degraded > 0) return ['degraded', 'warn-text'];
  return health.syncing > 0 ? ['syncing', 'warn-text'] : ['healthy', 'good'];
}

/** A node's devices: each with its state, and how full it is where it is known. */
function deviceRow(node, device) {
  const level = device.state === 'good' ? 'good' : device.state === 'erring' ? 'warn-text' : 'bad';
  const fill = device.sizeBytes > 0 ? `${bytes(device.usedBytes)} of ${bytes(device.sizeBytes)}` : '';
  return element('li', {},
    element('p', {}, element('span', { class: 'quiet' }, `${device.tier} `), device.directory, ' ',
      element('span', { class: level }, device.state), fill ? element('span', { class: 'quiet' }, ` · ${fill}`) : null),
    device.sizeBytes > 0
      ? bar(device.usedBytes / device.sizeBytes, `${node.name}: ${device.tier} device ${device.directory} used`) : null,
    device.reason ? element('p', { class: level }, device.reason) : null);
}

function nodeCard(node) {
  const leaving = node.departure !== null;
  const level = !node.up ? 'bad' : node.trouble || leaving ? 'warn' : '';
  const total = node.usedBytes + node.freeBytes;
  const condition = !node.up ? 'down' : leaving ? `leaving (${node.departure})` : 'up';
  const action = !cluster.changes ? null
    : leaving
      ? element('button', { type: 'button', 'data-key': `stay-${node.id}`, onclick: () => stay(node) }, 'Keep it after all')
      : element('button', { type: 'button', 'data-key': `drain-${node.id}`, onclick: () => drain(node) }, 'Drain');
  const place = [node.zone, node.rack, node.host].filter((part) => part).join(' / ');
  return element('article', { class: `card ${level}` },
    element('h4', {}, node.name, element('span', { class: node.up ? 'good' : 'bad' }, condition)),
    element('p', { class: 'quiet' }, `${node.address} · ${place}`),
    element('p', {}, total > 0 ? `${bytes(node.usedBytes)} of ${bytes(total)} used, ${whole(node.replicas)} replicas`
      : `${whole(node.replicas)} replicas`),
    bar(total > 0 ? node.usedBytes / total : 0, `${node.name}: space used`),
    node.journalSizeBytes > 0
      ? element('p', {}, `journal ${bytes(node.journalUsedBytes)} of ${bytes(node.journalSizeBytes)}`) : null,
    node.journalSizeBytes > 0
      ? bar(node.journalUsedBytes / node.journalSizeBytes, `${node.name}: journal used`) : null,
    node.devices.length > 0
      ? element('ul', { class: 'devices', 'aria-label': `devices of ${node.name}` }, ...node.devices.map((device) => deviceRow(node, device)))
      : null,
    node.trouble ? element('p', { class: 'bad' }, node.trouble) : null,
    !node.up && node.lastSeenAgoMillis !== null
      ? element('p', { class: 'quiet' }, `last heard ${Math.round(node.lastSeenAgoMillis / 1000)} s ago`) : null,
    action ? element('p', {}, action) : null);
}

function showCluster() {
  const notices = [];
  for (const gateway of cluster.gateways) {
    for (const wait of gateway.waits) {
      notices.push(element('p', { class: 'bad' },
        `Volume ${wait.volume}: requests wait for ${wait.seconds} s: ${wait.reason}`));
    }
  }
  show(byId('notices'), ...notices);
  show(byId('nodes'), ...cluster.nodes.map(nodeCard));
  show(byId('mends'), cluster.mends.length === 0
    ? element('p', { class: 'quiet' }, 'Nothing is being mended.')
    : table(['volume', 'chunks left#', 'copied#', 'rate#', 'time left#'], cluster.mends.map((mend) => [
      mend.volume + (mend.maintenance ? ' (not attached)' : ''), whole(mend.chunksLeft), bytes(mend.copiedBytes),
      `${bytes(mend.bytesPerSecond)}/s`, mend.secondsLeft < 0 ? 'not known yet' : `${mend.secondsLeft} s`])));
  show(byId('servers'), table(['server', 'address', 'condition'], [
    ...cluster.metadata.map((server) => ['metadata', server.address, server.leader ? 'leads' : 'follows']),
    ...cluster.gateways.map((gateway) => [`gateway ${gateway.name}`, gateway.address,
      element('span', { class: gateway.up ? 'good' : 'bad' }, gateway.up ? 'up' : 'down')])]));
}

function latest(volume) {
  const history = histories.get(volume) || [];
  return history.length === 0 ? null : history[history.length - 1];
}

function showVolumes() {
  const rows = cluster.volumes.map((volume) => {
    const [state, level] = volumeState(volume);
    const now = latest(volume.name);
    return [
      element('button', { type: 'button', class: 'link', 'data-key': `volume-${volume.name}`,
        onclick: () => { shownVolume = shownVolume === volume.name ? null : volume.name; draw(); } }, volume.name),
      bytes(volume.sizeBytes), String(volume.replicas),
      element('span', { class: level }, state),
      volume.owner ? volume.owner.gateway + (volume.owner.maintenance ? ' (mending)' : '') : 'not attached',
      now ? whole(now.iops) : '–', now ? `${bytes(now.bytes)}/s` : '–',
      now && now.millis !== null ? `${now.millis.toFixed(2)} ms` : '–',
      now && now.p99 !== null ? `${now.p99.toFixed(now.p99 < 10 ? 2 : 0)} ms` : '–'];
  });
  show(byId('volumes'), rows.length === 0 ? element('p', { class: 'quiet' }, 'There are no volumes.')
    : table(['volume', 'size#', 'replicas#', 'health', 'attached at', 'IOPS#', 'throughput#', 'mean latency#', 'p99 latency#'], rows));
  byId('create').hidden = !cluster.changes;
  const volume = cluster.volumes.find((one) => one.name === shownVolume);
  byId('volume').hidden = !volume;
  if (volume) showVolume(volume);
}

function showVolume(volume) {
  const history = histories.get(volume.name) || [];
  const health = volume.health;
  show(byId('volume'),
    element('h3', {}, volume.name),
    element('p', {}, `${whole(health.chunks)} chunks of ${bytes(volume.chunkSizeBytes)} in use: ${whole(health.inSync)} in sync, `
      + `${whole(health.syncing)} catching up, ${whole(health.degraded)} short of replicas, ${whole(health.unavailable)} not writable. `
      + `Durability ${volume.durability}, cache mode ${volume.cacheMode}, generation ${volume.generation}.`),
    element('div', { class: 'plots' },
      plot('IOPS: reads, writes', history, (look) => look.reads, (look) => look.writes, whole),
      plot('Throughput: read, written per second', history, (look) => look.readBytes, (look) => look.writtenBytes, bytes),
      plot('Latency, ms: mean, 99th percentile', history, (look) => look.millis, (look) => look.p99, (value) => value.toFixed(value < 10 ? 2 : 0))),
    cluster.changes ? element('p', {},
      element('button', { type: 'button', 'data-key': 'resize', onclick: () => resize(volume) }, 'Grow'), ' ',
      element('button', { type: 'button', class: 'danger', 'data-key': 'delete', onclick: () => remove(volume) }, 'Delete')) : null);
}

/** Two lines over the last five minutes. */
function plot(title, history, first, second, format) {
  const width = 420, height = 170, left = 58, right = 8, top = 24, bottom = 20;
  const drawing = svg('svg', { class: 'plot', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title });
  drawing.append(svg('text', { x: left, y: 15 }, title));
  const values = history.flatMap((look) => [first(look), second ? second(look) : null]).filter((v) => v !== null);
  const most = Math.max(...values, 1e-9) * 1.05;
  for (const share of [0, 0.5, 1]) {
    const y = height - bottom - share * (height - bottom - top);
    drawing.append(svg('path', { class: 'grid', d: `M${left} ${y}H${width - right}` }));
    drawing.append(svg('text', { x: left - 4, y: y + 4, 'text-anchor': 'end' }, values.length === 0 ? '' : format(share * most)));
  }
  const line = (value, name) => {
    const points = history.map((look, i) => [i, value(look)]).filter(([, v]) => v !== null).map(([i, v]) => {
      const x = width - right - (history.length - 1 - i) * (width - left - right) / (HISTORY - 1);
      return `${x.toFixed(1)},${(height - bottom - v / most * (height - bottom - top)).toFixed(1)}`;
    });
    drawing.append(svg('polyline', { class: name, points: points.join(' ') }));
  };
  line(first, 'a');
  if (second) line(second, 'b');
  drawing.append(svg('text', { x: left, y: height - 5 }, '5 minutes ago'));
  drawing.append(svg('text', { x: width - right, y: height - 5, 'text-anchor': 'end' }, 'now'));
  return drawing;
}

// ---------------------------------------------------------------- rates and events

/** By the bucket in which it lies, in ms; null when there were no requests. The last bucket has no bound: its lower one counts. */
function percentile(counts, boundsMicros, share) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  let left = all * share;
  for (let bucket = 0; all > 0 && bucket < counts.length; bucket++) {
    left -= counts[bucket];
    if (left > 0) continue;
    const lower = bucket === 0 ? 0 : boundsMicros[bucket - 1];
    const upper = bucket < boundsMicros.length ? boundsMicros[bucket] : lower;
    return (upper + left / counts[bucket] * (upper - lower)) / 1000;
  }
  return null;
}

/** The difference to the look before, per second; a gateway that began anew counts from its begin. */
function observe(next) {
  const sums = new Map();
  for (const activity of next.activities) {
    const key = `${activity.gateway}/${activity.instance}/${activity.volume}`;
    const before = last.get(key);
    const seconds = before ? (activity.atMillis - before.atMillis) / 1000 : 0;
    if (before && seconds <= 0) continue; // no heartbeat since
    last.set(key, activity);
    if (!before) continue;
    const rate = (name) => Math.max(0, activity[name] - before[name]) / seconds;
    const sum = sums.get(activity.volume) || { iops: 0, reads: 0, writes: 0, readBytes: 0, writtenBytes: 0, requests: 0, micros: 0, took: [] };
    sum.reads += rate('reads');
    sum.writes += rate('writes');
    sum.readBytes += rate('readBytes');
    sum.writtenBytes += rate('writtenBytes');
    sum.requests += rate('requests');
    sum.micros += rate('tookMicros');
    activity.took.forEach((count, bucket) => {
      sum.took[bucket] = (sum.took[bucket] || 0) + Math.max(0, count - (before.took[bucket] || 0));
    });
    sums.set(activity.volume, sum);
  }
  const busy = new Set(next.activities.map((activity) => activity.volume));
  for (const volume of histories.keys()) {
    if (!busy.has(volume)) sums.set(volume, { reads: 0, writes: 0, readBytes: 0, writtenBytes: 0, requests: 0, micros: 0, took: [] });
  }
  for (const [volume, sum] of sums) {
    const history = histories.get(volume) || [];
    sum.iops = sum.reads + sum.writes;
    sum.bytes = sum.readBytes + sum.writtenBytes;
    sum.millis = sum.requests > 0 ? sum.micros / sum.requests / 1000 : null;
    sum.p99 = percentile(sum.took, next.tookBoundsMicros, 0.99);
    history.push(sum);
    if (history.length > HISTORY) history.shift();
    histories.set(volume, history);
  }
}

/** What the metadata keeps, the youngest first; what was forgotten there stays until the page is left. */
async function lookForEvents() {
  const list = byId('events');
  for (;;) {
    const answer = await fetch(`/console/events?after=${lastEvent}`);
    if (!answer.ok) {
      byId('events-note').textContent = (await answer.text()).trim();
      return;
    }
    const events = await answer.json();
    byId('events-note').textContent = lastEvent === 0 && events.length === 0
      ? 'Nothing has happened yet.' : 'The last thousand are kept, also when metadata servers change or start again.';
    for (const event of events) {
      lastEvent = event.number;
      const time = new Date(event.atMillis);
      list.prepend(element('li', { class: `event ${tone(event.kind)}` },
        element('time', { datetime: time.toISOString() }, event.atMillis ? time.toLocaleString() : 'at some time'),
        element('span', {}, event.text)));
    }
    while (list.children.length > EVENTS_MAX) list.lastChild.remove();
    if (events.length < EVENTS_AT_A_TIME) return;
  }
}

/** How an event is marked; its text says the same. */
function tone(kind) {
  if (['loss-accepted', 'volume-deleted', 'device-failed', 'device-missing'].includes(kind)) return 'bad-mark';
  if (['node-down', 'node-away', 'gateway-down', 'out-of-sync', 'volume-taken-over'].includes(kind)
    || (kind.startsWith('device-') && kind !== 'device-good')) return 'warn-mark';
  return '';
}

// ---------------------------------------------------------------- changes

let token = null; // in this page's memory only: it is asked for again after a reload

async function change(path, parameters) {
  const headers = { 'x-cairn-console': '1' };
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(`/console/${path}?${new URLSearchParams(parameters)}`, { method: 'POST', headers });
  if (answer.status === 401) {
    token = null;
    showTokenField();
  }
  if (!answer.ok) throw new Error((await answer.text()).trim());
}

/** Asks for the token in the dialog that needs it, unless it is known. */
function showTokenField() {
  const field = byId('dialog-token');
  field.hidden = !cluster.token || token !== null;
  field.querySelector('input').required = !field.hidden;
  field.querySelector('input').value = '';
}

/** Asks first; what the cluster refuses is shown where it was asked for. */
function ask({ title, text, fields, button, danger, run }) {
  const dialog = byId('dialog');
  byId('dialog-title').textContent = title;
  byId('dialog-text').textContent = text || '';
  byId('dialog-error').textContent = '';
  byId('dialog-fields').replaceChildren(...fields.map((field) => element('label', {}, field.label,
    element('input', { name: field.name, required: '', autocomplete: 'off', value: field.value || null,
      pattern: field.pattern || null, title: field.hint || null }))));
  showTokenField();
  byId('dialog-ok').textContent = button;
  byId('dialog-ok').className = danger ? 'danger' : '';
  byId('dialog-form').onsubmit = async (event) => {
    event.preventDefault();
    byId('dialog-ok').disabled = true;
    const given = byId('dialog-token').querySelector('input').value.trim();
    if (!byId('dialog-token').hidden) {
      // A header cannot carry others; no token that works has any.
      token = /^[\x21-\x7e]+$/.test(given) ? given : 'not-a-token';
    }
    try {
      await run(Object.fromEntries(new FormData(event.target)));
      dialog.close();
      await look();
    } catch (problem) {
      byId('dialog-error').textContent = problem.message;
    } finally {
      byId('dialog-ok').disabled = false;
    }
  };
  dialog.showModal();
}

const SIZE = { pattern: '[0-9]+ *([KMGTP]i?B?)?', hint: 'such as 10GiB' };

const create = () => ask({
  title: 'Create a volume', button: 'Create',
  fields: [{ name: 'name', label: 'Name' }, { name: 'size', label: 'Size, such as 10GiB', ...SIZE },
    { name: 'replicas', label: 'Replicas', value: '3', pattern: '[1-9]', hint: 'a number' }],
  run: (values) => change('volume/create', values) });

const resize = (volume) => ask({
  title: `Grow ${volume.name}`, button: 'Grow', text: `It has ${bytes(volume.sizeBytes)}. A volume cannot shrink.`,
  fields: [{ name: 'size', label: 'New size, such as 20GiB', ...SIZE }],
  run: (values) => change('volume/resize', { name: volume.name, size: values.size }) });

const remove = (volume) => ask({
  title: `Delete ${volume.name}`, button: 'Delete for good', danger: true,
  text: `All ${bytes(volume.sizeBytes)} of it are lost. To confirm, write its name.`,
  fields: [{ name: 'name', label: 'Name of the volume' }],
  run: async (values) => {
    if (values.name !== volume.name) throw new Error(`This is not the name: ${values.name}`);
    await change('volume/delete', { name: volume.name });
  } });

const drain = (node) => ask({
  title: `Drain ${node.name}`, button: 'Drain', danger: true, fields: [],
  text: `Its ${whole(node.replicas)} replicas are copied to other nodes, and taken off it then. It can be kept after all at any time.`,
  run: () => change('node/drain', { id: node.id }) });

const stay = (node) => ask({
  title: `Keep ${node.name}`, button: 'Keep it', fields: [], text: 'What has moved already stays where it is.',
  run: () => change('node/stay', { id: node.id }) });

// ---------------------------------------------------------------- the loop

function draw() {
  const page = ['cluster', 'volumes', 'events'].find((name) => `#${name}` === location.hash) || 'cluster';
  for (const name of ['cluster', 'volumes', 'events']) byId(`page-${name}`).hidden = name !== page;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${page}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (!cluster) return;
  if (page === 'cluster') showCluster();
  if (page === 'volumes') showVolumes();
}

async function look() {
  const state = byId('state');
  try {
    const answer = await fetch('/console/cluster');
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const next = await answer.json();
    observe(next);
    await lookForEvents();
    cluster = next;
    const up = next.nodes.filter((node) => node.up).length;
    const text = `${next.state}: ${up} of ${next.nodes.length} nodes up, ${next.volumes.length} volumes`;
    if (state.textContent !== text) state.textContent = text;
    state.className = next.state === 'healthy' ? 'good' : next.state === 'unavailable' ? 'bad' : 'warn-text';
    draw();
  } catch (problem) {
    state.textContent = `The cluster does not answer: ${problem.message}`;
    state.className = 'bad';
  }
}

async function follow() {
  await look();
  setTimeout(follow, PERIOD_MILLIS);
}

byId('create').addEventListener('click', create);
byId('dialog-cancel').addEventListener('click', () => byId('dialog').close());
window.addEventListener('hashchange', () => { draw(); byId('main').focus(); });
draw();
follow();
