// A button that sends a video file to the desk; `drops`: also files dropped anywhere on the page.

export default {
  template: `
    <div class="opener">
      <input ref="file" type="file" accept="video/*,.mkv,.avi,.mov,.mp4,.webm,.ts" hidden @change="chosen">
      <q-btn :label="label" icon="folder_open" no-caps unelevated :color="color" :flat="flat"
        :loading="sent !== null" :percentage="sent === null ? 0 : sent" @click="$refs.file.click()"
        :aria-label="label">
        <template #loading>Sending {{ sent }} %</template>
      </q-btn>
      <div v-if="over" class="drop" aria-hidden="true">Drop the video to open it</div>
    </div>`,
  props: { path: String, most: Number, label: String, color: String, flat: Boolean, drops: Boolean },
  emits: ["failed"],
  data: () => ({ sent: null, over: false }),
  mounted() {
    if (!this.drops) return;
    this.listeners = {
      dragover: (event) => {
        event.preventDefault();
        this.over = true;
      },
      dragleave: (event) => {
        if (!event.relatedTarget) this.over = false;
      },
      drop: (event) => {
        event.preventDefault();
        this.over = false;
        if (event.dataTransfer.files.length) this.send(event.dataTransfer.files[0]);
      },
    };
    for (const name in this.listeners) window.addEventListener(name, this.listeners[name]);
  },
  unmounted() {
    for (const name in this.listeners ?? {}) window.removeEventListener(name, this.listeners[name]);
  },
  methods: {
    chosen(event) {
      const file = event.target.files[0];
      event.target.value = "";
      if (file) this.send(file);
    },
    send(file) {
      if (this.sent !== null) return;
      if (file.size > this.most) {
        this.$emit("failed", `${file.name}: is larger than ${this.most / 1e6} MB; cut it, ` +
          "or start the studio with a larger --max_upload_mb");
        return;
      }
      const request = new XMLHttpRequest();
      const end = (problem) => {
        this.sent = null;
        if (problem) this.$emit("failed", problem);
      };
      request.open("POST", `${this.path}?name=${encodeURIComponent(file.name)}`);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.upload.onprogress = (event) => {
        if (event.total) this.sent = Math.round((100 * event.loaded) / event.total);
      };
      request.onload = () => end(request.responseText);
      request.onerror = () => end(`${file.name}: could not be sent; is the studio still running?`);
      this.sent = 0;
      request.send(file);
    },
  },
};
