// Uploads evidence by tus 1.0: with progress, pause and resume, also after the page was closed or the
// server was stopped. The page's plain form does the same for small files without this script.
import * as tus from "tus-js-client";

const words = {
  "zh-CN": {
    pause: "暂停", resume: "继续", cancel: "取消", retry: "重试",
    sending: "正在上传", paused: "已暂停", waiting: "连接中断，正在自动重试…", finishing: "正在核对文件并加入证据清单…",
    done: "已加入证据清单", failed: "上传失败", choose: "请选择同一个文件继续：",
    noFile: "请选择要上传的文件。", noName: "请填写证据名称。", tooLarge: "文件超过上限。", other: "这不是同一个文件（名称或大小不同）。",
    login: "登录已过期，请重新登录后继续。",
  },
  en: {
    pause: "Pause", resume: "Resume", cancel: "Cancel", retry: "Try again",
    sending: "Uploading", paused: "Paused", waiting: "Connection lost; trying again…", finishing: "Checking the file and adding it to the list…",
    done: "Added to the list of evidence", failed: "The upload failed", choose: "Choose the same file to go on:",
    noFile: "Choose a file to upload.", noName: "Give the item a name.", tooLarge: "The file is too large.", other: "This is another file (its name or size differs).",
    login: "Your log-in ended. Log in again and go on.",
  },
};

type Item = { name: string; source: string; purpose: string; date: string };

const chunkBytes = 8 << 20; // so that a lost connection costs little and progress is kept
const retries = [0, 1000, 2000, 3000, 5000, 5000, 10_000, 10_000, 20_000, 20_000, 30_000, 30_000, 30_000];

function element(tag: string, cls = "", text = ""): HTMLElement {
  const el = document.createElement(tag);
  if (cls) el.className = cls;
  if (text) el.textContent = text;
  return el;
}

function size(n: number): string {
  let unit = 0;
  while (n >= 1000 && unit < 4) {
    n /= 1000;
    unit++;
  }
  return unit === 0 ? `${n} B` : `${n.toFixed(1)} ${"kMGT"[unit - 1]}B`;
}

class Job {
  readonly row = element("div", "upload");
  private readonly bar = document.createElement("progress");
  private readonly state = element("span", "small");
  private readonly amount = element("span", "small num muted");
  private readonly toggle = document.createElement("button");
  private readonly cancel = document.createElement("button");
  private upload: tus.Upload;
  private phase: "sending" | "paused" | "finishing" | "failed" | "done" = "sending";

  constructor(private readonly area: Area, private readonly file: File, private readonly item: Item, private readonly known?: string) {
    this.bar.max = file.size;
    this.bar.setAttribute("aria-label", file.name);
    const head = element("div", "line");
    head.append(element("strong", "", item.name || file.name), this.amount);
    const foot = element("div", "line");
    this.state.setAttribute("role", "status");
    const buttons = element("span", "buttons");
    for (const b of [this.toggle, this.cancel]) {
      b.type = "button";
      b.className = "button small";
      buttons.append(b);
    }
    foot.append(this.state, buttons);
    this.row.append(head, this.bar, foot);
    this.toggle.addEventListener("click", () => this.switch());
    this.cancel.addEventListener("click", () => void this.drop());
    this.cancel.textContent = area.text.cancel;
    this.upload = this.make();
  }

  private make(): tus.Upload {
    const a = this.area;
    return new tus.Upload(this.file, {
      endpoint: "/uploads/",
      uploadUrl: this.known,
      chunkSize: chunkBytes,
      retryDelays: retries,
      removeFingerprintOnSuccess: true,
      metadata: { case: a.caseID, filename: this.file.name, filetype: this.file.type, ...this.item },
      fingerprint: async (file) => {
        const f = file as File;
        return ["yunting", a.caseID, f.name, f.size, f.lastModified].join("|");
      },
      onProgress: (sent, total) => this.progress(sent, total),
      onShouldRetry: (err) => {
        const status = err.originalResponse?.getStatus() ?? 0;
        if (status >= 400 && status < 500 && status !== 409 && status !== 423) return false;
        this.state.textContent = a.text.waiting;
        return true;
      },
      onError: (err) => {
        const status = err instanceof tus.DetailedError ? err.originalResponse?.getStatus() : 0;
        this.show("failed", status === 401 ? a.text.login : a.text.failed);
      },
      onSuccess: () => void this.finish(),
    });
  }

  async start() {
    if (!this.known) {
      const earlier = await this.upload.findPreviousUploads();
      if (earlier.length > 0) this.upload.resumeFromPreviousUpload(earlier[0]);
    }
    this.upload.start();
    this.show("sending", this.area.text.sending);
  }

  private progress(sent: number, total: number) {
    this.bar.value = sent;
    this.amount.textContent = `${size(sent)} / ${size(total)} (${total ? Math.floor((sent * 100) / total) : 100} %)`;
    if (this.phase === "sending") this.state.textContent = this.area.text.sending;
  }

  private show(phase: Job["phase"], text: string) {
    this.phase = phase;
    this.row.dataset.phase = phase;
    this.state.textContent = text;
    const t = this.area.text;
    this.toggle.textContent = phase === "sending" ? t.pause : phase === "paused" ? t.resume : t.retry;
    this.toggle.hidden = phase === "finishing" || phase === "done";
    this.cancel.hidden = this.toggle.hidden;
  }

  private async switch() {
    if (this.phase === "sending") {
      await this.upload.abort();
      this.show("paused", this.area.text.paused);
      return;
    }
    if (this.phase === "failed" && this.bar.value === this.file.size && this.upload.url) {
      await this.finish();
      return;
    }
    this.upload.start();
    this.show("sending", this.area.text.sending);
  }

  private async drop() {
    await this.upload.abort(true).catch(() => undefined);
    this.row.remove();
  }

  // finish asks the server to make the upload an item of evidence. Asking twice gives one item.
  private async finish() {
    const a = this.area;
    this.show("finishing", a.text.finishing);
    const body = new URLSearchParams({
      upload: this.upload.url!.split("/").pop()!,
      "evidence.name": this.item.name || this.file.name, "evidence.source": this.item.source,
      "evidence.purpose": this.item.purpose, "evidence.date": this.item.date,
    });
    for (const delay of retries) {
      await new Promise((r) => setTimeout(r, delay));
      try {
        const reply = await fetch(`/cases/${a.caseID}/uploads`, { method: "POST", body, headers: { Accept: "application/json" } });
        if (reply.ok) {
          const item = (await reply.json()) as { id: string; number: number; name: string; file_name: string; blob: { sha256: string; size: number } };
          this.show("done", a.text.done);
          a.added(item);
          this.row.remove();
          return;
        }
        if (reply.status < 500) break;
      } catch {
        this.state.textContent = a.text.waiting;
      }
    }
    this.show("failed", a.text.failed);
  }
}

// Area is one place on a page where evidence is added.
class Area {
  readonly caseID: string;
  readonly text: (typeof words)["en"];
  private readonly jobs: HTMLElement;
  private readonly input: HTMLInputElement;

  constructor(private readonly root: HTMLElement) {
    this.caseID = root.dataset.case!;
    this.text = words[root.dataset.locale === "en" ? "en" : "zh-CN"];
    this.jobs = root.querySelector("[data-upload-jobs]")!;
    this.input = root.querySelector<HTMLInputElement>("input[type=file]")!;
    root.querySelectorAll<HTMLElement>("[data-plain]").forEach((el) => (el.hidden = true));
    root.querySelectorAll<HTMLElement>("[data-tus]").forEach((el) => (el.hidden = false));
    root.querySelector("[data-upload-start]")!.addEventListener("click", (e) => this.begin(e));
    document.querySelectorAll<HTMLElement>("[data-pending]").forEach((row) => this.offer(row));
  }

  private field(name: string): HTMLInputElement {
    return this.root.querySelector<HTMLInputElement>(`[name="evidence.${name}"]`)!;
  }

  private begin(e: Event) {
    e.preventDefault();
    const file = this.input.files?.[0];
    if (!this.field("name").value.trim()) return this.complain(this.field("name"), this.text.noName);
    if (!file) return this.complain(this.input, this.text.noFile);
    if (file.size > Number(this.root.dataset.max)) return this.complain(this.input, this.text.tooLarge);
    const item: Item = { name: this.field("name").value.trim(), source: this.field("source").value.trim(), purpose: this.field("purpose").value.trim(), date: this.field("date").value };
    for (const name of ["name", "source", "purpose", "date"]) this.field(name).value = "";
    this.input.value = "";
    this.run(file, item);
  }

  private run(file: File, item: Item, known?: string) {
    const job = new Job(this, file, item, known);
    this.jobs.append(job.row);
    void job.start();
  }

  private complain(input: HTMLInputElement, text: string) {
    const field = input.closest(".field")!;
    field.classList.add("bad");
    let note = field.querySelector<HTMLElement>("[data-note]");
    if (!note) {
      note = element("p", "error");
      note.dataset.note = "";
      note.setAttribute("role", "alert");
      input.before(note);
    }
    note.textContent = text;
    input.focus();
    input.addEventListener("input", () => {
      field.classList.remove("bad");
      note.remove();
    }, { once: true });
  }

  // offer lets the person continue an unfinished upload by choosing its file again.
  private offer(row: HTMLElement) {
    if (row.querySelector("button")) return; // every byte is there already
    const label = element("label", "small", this.text.choose + " ");
    const input = document.createElement("input");
    input.type = "file";
    label.append(input);
    row.append(label);
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (!file) return;
      if (file.name !== row.dataset.file || file.size !== Number(row.dataset.size)) {
        label.append(element("span", "error", this.text.other));
        input.value = "";
        return;
      }
      const { name = "", source = "", purpose = "", date = "" } = row.dataset;
      row.hidden = true;
      const box = row.closest<HTMLElement>(".notice");
      if (box && !box.querySelector("[data-pending]:not([hidden])")) box.hidden = true;
      this.run(file, { name, source, purpose, date }, `/uploads/${row.dataset.pending}`);
    });
  }

  added(item: { id: string; number: number; name: string; file_name: string; blob: { sha256: string; size: number } }) {
    this.root.querySelector("[data-evidence-none]")?.remove();
    let list = document.querySelector<HTMLElement>("[data-evidence-list]");
    if (!list) {
      list = element("ul", "rows");
      list.dataset.evidenceList = "";
      this.jobs.before(list);
    }
    const row = element("li");
    const main = element("div", "main");
    const link = document.createElement("a");
    link.href = `/evidence/${item.id}`;
    link.textContent = item.name;
    const hash = element("div", "small");
    hash.append(element("code", "hash", item.blob.sha256));
    main.append(element("span", "num muted", `${item.number}. `), link, element("span", "muted small", ` ${item.file_name} · ${size(item.blob.size)}`), hash);
    row.append(main);
    list.append(row);
  }
}

for (const root of document.querySelectorAll<HTMLElement>("[data-upload]")) new Area(root);
