// What is followed: each target's colour, score, how the score went, and its response map.

import { bytes, heatMap, live } from "siamfc-studio/live.js";

const NO_SCORE = 255;

export default {
  template: `
    <ul class="targets" aria-label="Targets">
      <li v-for="target in targets" :key="target.key"
        :class="{ lost: target.lost, chosen: target.key === chosen, mapped: target.cells }">
        <div class="name">
          <span class="dot" :style="{ background: target.colour }"></span>#{{ target.number }}
          <span class="badge" v-if="target.lost">lost</span>
          <span class="badge none" v-else-if="!target.box">not in this frame</span>
        </div>
        <div class="score" :aria-label="'Score ' + text(target)">{{ text(target) }}</div>
        <canvas class="spark" width="300" height="64" aria-hidden="true"></canvas>
        <canvas class="map" v-show="target.cells" width="64" height="64" aria-hidden="true"></canvas>
        <div class="actions">
          <button type="button" :aria-pressed="target.key === chosen"
            :aria-label="'Draw target ' + target.number + ' anew'"
            @click="$emit('choose', target.key)">Draw anew</button>
          <button type="button" :aria-label="'Remove target ' + target.number"
            @click="$emit('remove', target.key)">Remove</button>
        </div>
      </li>
    </ul>`,
  props: { heat: String, chosen: Number },
  emits: ["choose", "remove"],
  data: () => ({ targets: [] }),
  mounted() {
    this.heatTable = bytes(this.heat);
    this.onView = () => {
      this.targets = live.view.targets;
      this.$nextTick(() => this.draw());
    };
    live.addEventListener("view", this.onView);
  },
  unmounted() {
    live.removeEventListener("view", this.onView);
  },
  methods: {
    text(target) {
      return target.score === null ? "–" : target.score.toFixed(2);
    },
    draw() {
      this.$el.querySelectorAll(".spark").forEach((canvas, i) => {
        const target = this.targets[i];
        if (target) spark(canvas, bytes(target.history), target.colour);
      });
      this.$el.querySelectorAll(".map").forEach((canvas, i) => {
        const target = this.targets[i];
        if (target?.cells) {
          const map = heatMap(target, this.heatTable, true);
          canvas.getContext("2d").drawImage(map, 0, 0, canvas.width, canvas.height);
        }
      });
    },
  },
};

function spark(canvas, history, colour) {
  const context = canvas.getContext("2d");
  const [width, height] = [canvas.width, canvas.height];
  context.clearRect(0, 0, width, height);
  context.strokeStyle = "rgba(255, 255, 255, 0.12)";
  context.lineWidth = 1;
  context.strokeRect(0.5, 0.5, width - 1, height - 1);
  context.beginPath();
  let pen = false;
  history.forEach((level, i) => {
    const x = ((i + 0.5) / history.length) * width;
    const y = 4 + (1 - level / 254) * (height - 8);
    if (level === NO_SCORE) pen = false;
    else if (pen) context.lineTo(x, y);
    else [pen] = [true, context.moveTo(x, y)];
  });
  context.strokeStyle = colour;
  context.lineWidth = 3;
  context.stroke();
}
