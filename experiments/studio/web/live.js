// The views of this page's desk: one connection, the newest picture, whoever wants to draw it.

export const live = new EventTarget();
live.view = null;

let started = false;

export function connect(path) {
  if (started) return;
  started = true;
  open(path, 250);
}

function open(path, patience) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}${path}`);
  socket.binaryType = "arraybuffer";
  socket.onmessage = async (event) => {
    patience = 250;
    // A picture that cannot be shown is no reason to ask for none any more.
    await show(event.data).catch(() => {});
    // The next picture comes when this one was seen: a hidden page asks for none.
    requestAnimationFrame(() => socket.readyState === WebSocket.OPEN && socket.send(""));
  };
  socket.onclose = (event) => {
    // 4404: the desk is gone, and the page is about to be loaded anew.
    if (event.code !== 4404) setTimeout(() => open(path, Math.min(2 * patience, 4000)), patience);
  };
}

async function show(data) {
  const length = new DataView(data).getUint32(0, true);
  const view = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  const picture = new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" });
  view.picture = await createImageBitmap(picture);
  const last = live.view;
  live.view = view;
  live.dispatchEvent(new Event("view"));
  last?.picture.close();
}

export function bytes(text) {
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}

// A response map as a small canvas; `opaque`: not to be laid over a picture.
export function heatMap(target, heat, opaque) {
  const levels = bytes(target.cells);
  const columns = levels.length / target.rows;
  const image = new ImageData(columns, target.rows);
  levels.forEach((level, i) => {
    image.data.set(heat.subarray(3 * level, 3 * level + 3), 4 * i);
    image.data[4 * i + 3] = opaque ? 255 : 0.75 * level;
  });
  const canvas = new OffscreenCanvas(columns, target.rows);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
