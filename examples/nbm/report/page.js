'use strict';
(() => {
  const svgSpace = 'http://www.w3.org/2000/svg';
  const data = JSON.parse(document.getElementById('data').textContent);
  document.documentElement.classList.add('js');

  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const text = value => {
    if (value === 'inf') return '\u221E';
    if (value === '-inf') return '\u2212\u221E';
    if (typeof value !== 'number') return 'none';
    return String(Number(value.toPrecision(6))).replace(/-/g, '\u2212');
  };

  // A chart: values under the pointer or, by the arrow keys, one after the other; curves off and on by the legend.
  const setUpChart = (figure, chart) => {
    const plot = figure.querySelector('.plot');
    const drawings = [...plot.querySelectorAll('svg[data-frame]')].map(svg => {
      const [left, right, top, bottom, xLow, xHigh, yLow, yHigh] = svg.dataset.frame.split(' ').map(Number);
      const cross = document.createElementNS(svgSpace, 'g');
      cross.setAttribute('class', 'crosshair');
      svg.append(cross);
      return {
        svg, cross, left, right, top, bottom,
        x: value => left + (value - xLow) / (xHigh - xLow) * (right - left),
        y: value => bottom - (Math.min(Math.max(value, yLow), yHigh) - yLow) / (yHigh - yLow) * (bottom - top),
      };
    });
    const off = new Set();
    const tooltip = make('div', {className: 'tooltip', hidden: true});
    const status = make('p', {className: 'hidden'});
    status.setAttribute('role', 'status');
    plot.append(tooltip);
    figure.append(status);
    let at = -1;

    const shown = i => chart.series.map((s, k) => ({...s, k})).filter(s => !off.has(s.k) && s.y[i] !== null);
    const places = () => chart.x.map((_, i) => i).filter(i => shown(i).length > 0);
    const visible = () => drawings.find(d => d.svg.getBoundingClientRect().width > 0);

    const hide = () => {
      at = -1;
      tooltip.hidden = true;
      drawings.forEach(d => d.cross.replaceChildren());
    };
    const element = (name, attributes) => {
      const node = document.createElementNS(svgSpace, name);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      return node;
    };
    const show = (i, aloud) => {
      const d = visible();
      if (!d || i === undefined) return;
      at = i;
      const values = shown(i);
      const x = d.x(chart.x[i]);
      drawings.forEach(other => other.cross.replaceChildren());
      d.cross.append(element('line', {x1: x, x2: x, y1: d.top, y2: d.bottom}));
      for (const s of values) {
        if (typeof s.y[i] === 'number') d.cross.append(element('circle', {class: s.colour, cx: x, cy: d.y(s.y[i]), r: 5}));
      }
      const where = `${chart.x_name.split(',')[0]} ${text(chart.x[i])}`;
      tooltip.replaceChildren(make('strong', {textContent: where}));
      const lines = values.map(s => {
        const bar = s.low && s.low[i] !== null && s.high[i] !== null ? `${text(s.low[i])} to ${text(s.high[i])}` : '';
        const line = make('div', {className: s.colour}, make('i'), make('span', {}, `${s.name} `, make('b', {textContent: text(s.y[i])})));
        if (bar) line.lastChild.append(' ', make('small', {textContent: bar}));
        tooltip.append(line);
        return `${s.name} ${text(s.y[i])}${bar ? `, ${bar}` : ''}`;
      });
      if (aloud) status.textContent = `${where}: ${lines.join('; ')}`;
      tooltip.hidden = false;
      const box = d.svg.getBoundingClientRect();
      const outer = plot.getBoundingClientRect();
      const scale = box.width / d.svg.viewBox.baseVal.width;
      const middle = box.left - outer.left + x * scale;
      const beside = middle + 14 + tooltip.offsetWidth <= outer.width ? middle + 14 : middle - 14 - tooltip.offsetWidth;
      tooltip.style.left = `${Math.max(0, Math.min(beside, outer.width - tooltip.offsetWidth))}px`;
      tooltip.style.top = `${box.top - outer.top + d.top * scale}px`;
    };
    const point = event => {
      const d = visible();
      if (!d) return;
      const box = d.svg.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * d.svg.viewBox.baseVal.width;
      let nearest;
      for (const i of places()) {
        if (nearest === undefined || Math.abs(d.x(chart.x[i]) - x) < Math.abs(d.x(chart.x[nearest]) - x)) nearest = i;
      }
      show(nearest, false);
    };

    plot.tabIndex = 0;
    plot.setAttribute('role', 'group');
    plot.setAttribute('aria-roledescription', 'chart');
    plot.setAttribute('aria-label', `${figure.querySelector('h3').textContent}; arrow keys read the values`);
    plot.addEventListener('pointermove', point);
    plot.addEventListener('pointerdown', point);
    plot.addEventListener('pointerleave', event => { if (event.pointerType === 'mouse') hide(); });
    plot.addEventListener('blur', hide);
    document.addEventListener('pointerdown', event => { if (!plot.contains(event.target)) hide(); });
    plot.addEventListener('keydown', event => {
      const all = places();
      if (all.length === 0) return;
      const now = all.indexOf(at);
      const go = {ArrowRight: now < 0 ? 0 : now + 1, ArrowLeft: now < 0 ? all.length - 1 : now - 1, PageDown: now + 10, PageUp: now - 10,
                  Home: 0, End: all.length - 1}[event.key];
      if (event.key === 'Escape') hide();
      if (go === undefined) return;
      event.preventDefault();
      show(all[Math.max(0, Math.min(all.length - 1, go))], true);
    });

    for (const key of figure.querySelectorAll('.legend .key')) {
      const button = make('button', {className: 'key', type: 'button'}, ...key.childNodes);
      const k = Number(key.dataset.series);
      button.dataset.series = key.dataset.series;
      button.setAttribute('aria-pressed', 'true');
      button.addEventListener('click', () => {
        off.has(k) ? off.delete(k) : off.add(k);
        button.setAttribute('aria-pressed', String(!off.has(k)));
        plot.querySelectorAll(`g[data-series="${k}"]`).forEach(g => g.classList.toggle('off', off.has(k)));
        hide();
      });
      key.replaceWith(button);
    }
  };

  // The sheets of samples, one at a time.
  const setUpSheets = sheets => {
    const frames = sheets.querySelector('.frames');
    const all = [...frames.children];
    if (all.length < 2) return;
    const slider = make('input', {type: 'range', min: 0, max: all.length - 1, step: 1, value: all.length - 1});
    slider.setAttribute('aria-label', 'Epoch of the samples');
    const output = make('output');
    const button = make('button', {type: 'button', className: 'button', textContent: 'Play'});
    let timer = 0;
    const show = () => {
      all.forEach((frame, i) => frame.classList.toggle('current', i === Number(slider.value)));
      const epoch = `epoch ${all[slider.value].dataset.epoch}`;
      output.textContent = epoch;
      slider.setAttribute('aria-valuetext', epoch);
    };
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      button.textContent = 'Play';
    };
    button.addEventListener('click', () => {
      if (timer) return stop();
      if (Number(slider.value) === all.length - 1) slider.value = 0;
      show();
      button.textContent = 'Pause';
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (Number(slider.value) === all.length - 1) stop();
      }, 600);
    });
    slider.addEventListener('input', () => { stop(); show(); });
    frames.classList.add('one');
    frames.before(make('div', {className: 'player'}, button, slider, output));
    show();
  };

  // The film can be stopped, and stands still for those who want no motion.
  const setUpFilm = film => {
    const image = film.querySelector('img');
    const still = make('canvas', {width: image.width, height: image.height});
    still.setAttribute('role', 'img');
    still.setAttribute('aria-label', image.alt);
    const button = make('button', {type: 'button', className: 'button'});
    const play = on => {
      image.hidden = !on;
      image.style.display = on ? '' : 'none';
      still.style.display = on ? 'none' : '';
      button.textContent = on ? 'Stop the film' : 'Play the film';
    };
    button.addEventListener('click', () => play(image.hidden));
    image.after(still, button);
    const draw = () => {
      still.width = image.naturalWidth;
      still.height = image.naturalHeight;
      still.getContext('2d').drawImage(image, 0, 0);  // its first picture
    };
    image.complete ? draw() : image.addEventListener('load', draw);
    play(!matchMedia('(prefers-reduced-motion: reduce)').matches);
  };

  const copy = async code => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      return document.execCommand('copy');
    }
  };
  const setUpCopy = frame => {
    const label = frame.querySelector('.label').textContent;
    const button = make('button', {type: 'button', className: 'button', textContent: 'Copy'});
    button.setAttribute('aria-label', `Copy: ${label}`);
    button.addEventListener('click', async () => {
      button.textContent = await copy(frame.querySelector('code')) ? 'Copied' : 'Press Ctrl+C';
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    });
    frame.append(button);
  };

  for (const [id, chart] of Object.entries(data)) setUpChart(document.getElementById(id), chart);
  document.querySelectorAll('.sheets').forEach(setUpSheets);
  document.querySelectorAll('.film').forEach(setUpFilm);
  document.querySelectorAll('.copyable').forEach(setUpCopy);
})();
