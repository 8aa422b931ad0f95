// The picture, the boxes on it, and drawing new ones by mouse, touch, pen or keys.

import { bytes, connect, heatMap, live } from "siamfc-studio/live.js";

const LEAST_DRAG = 4;

export default {
  template: `
    <div class="stage" ref="stage" tabindex="0" role="application"
      aria-roledescription="video with boxes" :aria-label="label"
      @keydown="key" @blur="cursor = null; draw()">
      <div class="screen" ref="screen" v-show="open"
        @pointerdown="press" @pointermove="move" @pointerup="release" @pointercancel="cancel">
        <canvas ref="picture"></canvas><canvas ref="drawing"></canvas>
      </div>
      <div class="empty" v-if="!open"><slot></slot></div>
      <div class="hint" v-show="open && hint" role="status">{{ hint }}</div>
      <div class="unseen" aria-live="polite">{{ said }}</div>
    </div>`,
  props: { path: String, heat: String, hint: String },
  emits: ["grab", "draw", "toggle", "delete"],
  data: () => ({ open: false, said: "", cursor: null }),
  computed: {
    label() {
      if (!this.open) return "Video: none is open";
      return "Video. Arrow keys move a box, Shift with arrow keys changes its size, " +
        "Enter follows what is in it, Space plays and pauses";
    },
  },
  mounted() {
    this.heatTable = bytes(this.heat);
    this.dragged = null;
    this.view = null;
    this.shown = 0;
    this.onView = () => this.take();
    live.addEventListener("view", this.onView);
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.$refs.stage);
    connect(this.path);
  },
  unmounted() {
    live.removeEventListener("view", this.onView);
    this.sizes.disconnect();
  },
  methods: {
    take() {
      // What a box is being drawn on stays as it is.
      if (this.dragged) return;
      const view = live.view;
      const resized = !this.view || this.view.width !== view.width
        || this.view.height !== view.height;
      this.view = view;
      this.open = true;
      const canvas = this.$refs.picture;
      if (resized) {
        [canvas.width, canvas.height] = [view.width, view.height];
        this.$refs.stage.style.setProperty("--aspect", view.width / view.height);
        this.$nextTick(() => this.fit());
      }
      canvas.getContext("2d").drawImage(view.picture, 0, 0);
      this.shown += 1;
      Object.assign(this.$refs.stage.dataset, { frame: view.frame, shown: this.shown });
      this.draw();
    },
    fit() {
      if (!this.view) return;
      const { clientWidth, clientHeight } = this.$refs.stage;
      const scale = Math.min(clientWidth / this.view.width, clientHeight / this.view.height);
      const [width, height] = [this.view.width * scale, this.view.height * scale];
      Object.assign(this.$refs.screen.style, { width: `${width}px`, height: `${height}px` });
      const ratio = window.devicePixelRatio || 1;
      const canvas = this.$refs.drawing;
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
      this.draw();
    },
    draw() {
      if (!this.view) return;
      const canvas = this.$refs.drawing;
      const context = canvas.getContext("2d");
      const scale = canvas.width / this.view.width;
      const ratio = window.devicePixelRatio || 1;
      context.clearRect(0, 0, canvas.width, canvas.height);
      for (const target of this.view.targets) {
        if (target.cells) {
          const place = target.place.map((value) => value * scale);
          context.drawImage(heatMap(target, this.heatTable, false), ...place);
        }
      }
      for (const target of this.view.targets) {
        if (target.box) outline(context, target, scale, ratio);
      }
      const box = this.dragged ? this.dragged.box : this.cursor;
      if (box) sketch(context, box.map((value) => value * scale), ratio);
    },
    place(event) {
      const area = this.$refs.screen.getBoundingClientRect();
      const clamp = (value) => Math.min(Math.max(value, 0), 1);
      return [
        clamp((event.clientX - area.left) / area.width) * this.view.width,
        clamp((event.clientY - area.top) / area.height) * this.view.height,
      ];
    },
    press(event) {
      if (!event.isPrimary || event.button !== 0 || !this.view) return;
      event.preventDefault();
      this.$refs.stage.focus({ preventScroll: true });
      this.$refs.screen.setPointerCapture(event.pointerId);
      const [x, y] = this.place(event);
      this.cursor = null;
      this.dragged = { x, y, box: [x, y, 0, 0], frame: this.view.frame, area: event };
      this.$emit("grab");
    },
    move(event) {
      if (!this.dragged || !event.isPrimary) return;
      const [x, y] = this.place(event);
      const { x: x0, y: y0 } = this.dragged;
      this.dragged.box = [Math.min(x, x0), Math.min(y, y0), Math.abs(x - x0), Math.abs(y - y0)];
      this.draw();
    },
    release(event) {
      if (!this.dragged || !event.isPrimary) return;
      const { box, frame, area } = this.dragged;
      const far = Math.max(Math.abs(event.clientX - area.clientX),
        Math.abs(event.clientY - area.clientY));
      this.cancel();
      this.$emit("draw", { frame, box: far < LEAST_DRAG ? [box[0], box[1], 0, 0] : box });
    },
    cancel() {
      this.dragged = null;
      if (live.view && live.view !== this.view) this.take();
      this.draw();
    },
    key(event) {
      // Keys of buttons inside belong to them.
      if (!this.view || event.target !== this.$refs.stage) return;
      const arrows = {
        ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
      };
      if (event.key in arrows) this.steer(arrows[event.key], event);
      else if (event.key === "Enter") this.finish();
      else if (event.key === "Escape") this.cursor = null;
      else if (event.key === "Delete" || event.key === "Backspace") this.$emit("delete");
      else if (event.key === " ") this.$emit("toggle");
      else return;
      event.preventDefault();
      event.stopPropagation();
      this.draw();
    },
    steer([dx, dy], event) {
      if (!this.cursor) {
        this.begin();
        return;
      }
      const { width, height } = this.view;
      const step = event.ctrlKey || event.altKey ? 1 : Math.max(2, Math.round(width / 80));
      let [x, y, w, h] = this.cursor;
      if (event.shiftKey) {
        w = Math.min(Math.max(w + dx * step, 4), width - x);
        h = Math.min(Math.max(h + dy * step, 4), height - y);
      } else {
        x = Math.min(Math.max(x + dx * step, 0), width - w);
        y = Math.min(Math.max(y + dy * step, 0), height - h);
      }
      this.cursor = [x, y, w, h];
      this.say(this.cursor);
    },
    begin() {
      const { width, height } = this.view;
      const [w, h] = [Math.round(width / 6), Math.round(height / 6)];
      this.cursor = [Math.round((width - w) / 2), Math.round((height - h) / 2), w, h];
      this.$emit("grab");
      this.say(this.cursor);
    },
    finish() {
      if (!this.cursor) {
        this.begin();
        return;
      }
      const box = this.cursor;
      this.cursor = null;
      this.$emit("draw", { frame: this.view.frame, box });
    },
    say([x, y, w, h]) {
      this.said = `Box ${w} by ${h} pixels, ${x} from the left, ${y} from the top`;
    },
  },
};

function outline(context, target, scale, ratio) {
  const [x, y, w, h] = target.box.map((value) => value * scale);
  context.setLineDash(target.lost ? [7 * ratio, 5 * ratio] : []);
  context.lineWidth = 4.5 * ratio;
  context.strokeStyle = "rgba(0, 0, 0, 0.45)";
  context.strokeRect(x, y, w, h);
  context.lineWidth = 2.5 * ratio;
  context.strokeStyle = target.colour;
  context.strokeRect(x, y, w, h);
  context.setLineDash([]);
  const told = target.lost ? "lost" : target.score.toFixed(2);
  chip(context, `#${target.number}  ${told}`, target.colour, x, y, h, ratio);
}

function chip(context, text, colour, x, y, h, ratio) {
  context.font = `600 ${12 * ratio}px system-ui, sans-serif`;
  const width = context.measureText(text).width + 10 * ratio;
  const height = 18 * ratio;
  const left = Math.min(Math.max(x - ratio, 0), context.canvas.width - width);
  let top = y - height - ratio;
  if (top < 0) top = Math.min(y + h + ratio, context.canvas.height - height);
  context.fillStyle = colour;
  context.fillRect(left, top, width, height);
  context.fillStyle = "#0b0d10";
  context.fillText(text, left + 5 * ratio, top + 13 * ratio);
}

function sketch(context, [x, y, w, h], ratio) {
  context.fillStyle = "rgba(255, 255, 255, 0.14)";
  context.fillRect(x, y, w, h);
  context.lineWidth = 2 * ratio;
  context.strokeStyle = "#0b0d10";
  context.strokeRect(x, y, w, h);
  context.setLineDash([6 * ratio, 4 * ratio]);
  context.strokeStyle = "#ffffff";
  context.strokeRect(x, y, w, h);
  context.setLineDash([]);
}
