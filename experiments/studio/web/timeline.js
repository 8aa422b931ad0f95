// Where in the video we are, and which frames of it were followed.

import { live } from "siamfc-studio/live.js";

export default {
  template: `
    <div class="timeline" v-if="view">
      <template v-if="view.frames">
        <div class="lanes" aria-hidden="true">
          <div v-for="target in view.targets" :key="target.key" :style="lane(target)"></div>
        </div>
        <input type="range" min="0" :max="view.frames - 1" step="1" :value="place"
          aria-label="Frame" :aria-valuetext="'frame ' + view.frame + ' of ' + view.frames"
          @input="seek" @pointerdown="held = true" @pointerup="held = false"
          @pointercancel="held = false">
      </template>
      <div v-else class="on-air">live</div>
      <output class="place">{{ view.frame }}<span v-if="view.frames"> / {{ view.frames - 1 }}</span>
      </output>
    </div>`,
  emits: ["seek"],
  data: () => ({ view: null, held: false, wanted: 0 }),
  computed: {
    place() {
      return this.held ? this.wanted : this.view.frame;
    },
  },
  mounted() {
    this.onView = () => {
      const { frame, frames, targets } = live.view;
      this.view = { frame, frames, targets };
    };
    live.addEventListener("view", this.onView);
  },
  unmounted() {
    live.removeEventListener("view", this.onView);
  },
  methods: {
    lane(target) {
      const left = (100 * target.first) / this.view.frames;
      const width = (100 * (target.last + 1 - target.first)) / this.view.frames;
      return { background: target.colour, marginLeft: `${left}%`, width: `${width}%` };
    },
    seek(event) {
      this.wanted = Number(event.target.value);
      this.$emit("seek", this.wanted);
    },
  },
};
