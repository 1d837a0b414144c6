// How loud a track is, for a level meter.

export class Meter {
  private context: AudioContext;
  private analyser: AnalyserNode;
  private source: MediaStreamAudioSourceNode;
  private data: Float32Array<ArrayBuffer>;

  constructor(track: MediaStreamTrack) {
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 1024;
    this.data = new Float32Array(this.analyser.fftSize);
    this.source = this.context.createMediaStreamSource(new MediaStream([track]));
    this.source.connect(this.analyser);
  }

  /** 0 is silence, 1 is as loud as it gets; speech at a usual distance is about one half. */
  level(): number {
    if (this.context.state === "suspended") void this.context.resume();
    this.analyser.getFloatTimeDomainData(this.data);
    let sum = 0;
    for (const v of this.data) sum += v * v;
    const decibels = 10 * Math.log10(sum / this.data.length + 1e-10);
    return Math.min(1, Math.max(0, (decibels + 60) / 55));
  }

  close(): void {
    this.source.disconnect();
    void this.context.close();
  }
}

/** Plays two soft notes so that a person can hear whether their speaker works. */
export async function testTone(speaker: string): Promise<void> {
  const context = new AudioContext();
  const sink = context as AudioContext & { setSinkId?: (id: string) => Promise<void> };
  if (speaker && sink.setSinkId) await sink.setSinkId(speaker).catch(() => undefined); // an unplugged speaker: use the default
  for (const [i, hertz] of [523.25, 659.25].entries()) {
    const at = context.currentTime + i * 0.45;
    const note = context.createOscillator();
    const gain = context.createGain();
    note.frequency.value = hertz;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.25, at + 0.04);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.42);
    note.connect(gain).connect(context.destination);
    note.start(at);
    note.stop(at + 0.45);
  }
  await new Promise((done) => setTimeout(done, 1100));
  await context.close();
}
