// The player's own words.

import type { Language } from "../lib/config";

const zh = {
  loading: "正在读取录像", failed: "读取录像失败。请检查网络后重试。", retry: "重试", play: "播放", pause: "暂停", back: "后退 10 秒", forward: "前进 10 秒",
  speed: "速度", seek: "播放位置", fullscreen: "全屏", exit: "退出全屏", waiting: "缓冲中", "screen.of": "{name} · 共享屏幕", volume: "{name} 的音量", broken: "此文件无法播放", away: "不在庭",
  chapters: "庭审阶段", transcript: "庭审笔录", "transcript.none": "没有笔录。", speaking: "发言时间", "speaking.none": "没有发言时间记录。", "speaking.note": "依据参与人终端上报的音量。",
  gaps: "录像缺口", "gap.of": "{name}：{cause}", files: "文件与校验", entered: "已入卷宗第 {n} 条，附账本证明", "not.entered": "未找到入卷记录", segments: "{n} 个分段已入账本",
  integrity: "完整性校验值", "no.integrity": "全部录像入库后给出", help: "快捷键", "help.close": "关闭", unlogged: "查阅记录暂未送达，恢复连接后自动补报。", court: "北京时间", stage: "画面",
  "key.space": "播放或暂停", "key.arrows": "后退、前进 5 秒", "key.jl": "J、L：后退、前进 10 秒", "key.k": "播放或暂停", "key.f": "全屏", "key.speed": "减速、加速", "key.help": "显示本帮助", "key.letters": "启用单个字母、符号快捷键", "key.letters.why": "使用语音输入或屏幕阅读器时，如被误触可关闭；空格和方向键不受影响，本浏览器记住此选择。",
  "phase.opening": "开庭", "phase.investigation": "法庭调查", "phase.debate": "法庭辩论", "phase.final_statements": "最后意见", "phase.recess": "休庭", "phase.waiting": "等候",
  whole: "全案", seconds: "{n} 秒", "reason.recess": "休庭", "reason.private_evidence": "不公开举证、质证", "reason.mediation": "不宜录制的调解", "legend.there": "在庭", "legend.spoke": "发言", "legend.gap": "缺口",
  stamped: "时间戳 {when}，{by}", "not.stamped": "时间戳尚未取得", track: "{name}（{track}）", "track.mic": "声音", "track.camera": "画面", "no.gaps": "没有超过 200 毫秒的缺口。",
  "cause.network": "网络丢包", "cause.silent": "静音、关闭或离开", "cause.fault": "设备或系统故障", "cause.pause": "录制依法暂停", "cause.overflow": "存储过慢，未能写入", "cause.lost": "录制服务器损毁，未及存入文件库", "cause.damaged": "原始分段损坏", "cause.crash": "服务器中断，两段录像之间", "cause.takeover": "另一页面接管，尚未发送", "cause.other": "原因：{cause}",
};

export type Key = keyof typeof zh;

const en: Record<Key, string> = {
  loading: "Reading the recording", failed: "The recording could not be read. Check the network and try again.", retry: "Try again", play: "Play", pause: "Pause", back: "Back 10 seconds", forward: "Forward 10 seconds",
  speed: "Speed", seek: "Position", fullscreen: "Full screen", exit: "Leave full screen", waiting: "Buffering", "screen.of": "{name} · shared screen", volume: "Volume of {name}", broken: "This file cannot be played", away: "Not present",
  chapters: "Phases", transcript: "Transcript", "transcript.none": "There is no transcript.", speaking: "Who spoke when", "speaking.none": "Nothing is recorded of who spoke.", "speaking.note": "By the levels that the participants' clients reported.",
  gaps: "Gaps", "gap.of": "{name}: {cause}", files: "Files and hashes", entered: "Entry {n} of the record, with its ledger proof", "not.entered": "No entry found", segments: "{n} segments in the ledger",
  integrity: "Integrity value", "no.integrity": "Given once all files are stored", help: "Keys", "help.close": "Close", unlogged: "What you watched is not yet reported; it will be sent when the connection is back.", court: "Court time", stage: "Pictures",
  "key.space": "Play or pause", "key.arrows": "Back or forward 5 seconds", "key.jl": "J, L: back or forward 10 seconds", "key.k": "Play or pause", "key.f": "Full screen", "key.speed": "Slower, faster", "key.help": "Show this help", "key.letters": "Keys of one letter or sign act on the player", "key.letters.why": "Switch them off when speech input or a screen reader sets them off by mistake; space and arrows stay. This browser remembers the choice.",
  "phase.opening": "Opening", "phase.investigation": "Investigation", "phase.debate": "Debate", "phase.final_statements": "Final statements", "phase.recess": "Recess", "phase.waiting": "Waiting",
  whole: "Whole hearing", seconds: "{n} s", "reason.recess": "Recess", "reason.private_evidence": "Evidence shown in private", "reason.mediation": "Mediation not fit to be recorded", "legend.there": "Present", "legend.spoke": "Spoke", "legend.gap": "Gap",
  stamped: "Time-stamped {when}, {by}", "not.stamped": "No time-stamp yet", track: "{name} ({track})", "track.mic": "sound", "track.camera": "picture", "no.gaps": "Nothing longer than 200 ms is missing.",
  "cause.network": "Network loss", "cause.silent": "Muted, switched off or gone", "cause.fault": "Fault", "cause.pause": "Recording paused as the law allows", "cause.overflow": "Storage too slow", "cause.lost": "Machine lost before the store had it", "cause.damaged": "Segment damaged on the disk", "cause.crash": "Server stopped, between two parts", "cause.takeover": "Another page took over and had not sent yet", "cause.other": "Cause: {cause}",
};

export type Say = (key: Key, values?: Record<string, string | number>) => string;

export function speaker(language: Language): Say {
  const words = language === "zh" ? zh : en;
  return (key, values) => words[key].replace(/\{(\w+)\}/g, (_, name: string) => String(values?.[name] ?? ""));
}

export function phaseName(t: Say, phase: string): string {
  const key = `phase.${phase}`;
  return key in zh ? t(key as Key) : phase;
}

/** Why the whole hearing was interrupted: a pause by its reason. */
export function interruptionName(t: Say, cause: string, reason?: string): string {
  const key = `reason.${reason}`;
  return key in zh ? t(key as Key) : causeName(t, cause);
}

/** What of a participant is missing. */
export function trackName(t: Say, name: string, track: string): string {
  const key = `track.${track}`;
  return key in zh ? t("track", { name, track: t(key as Key) }) : name;
}

export function causeName(t: Say, cause: string): string {
  const key = `cause.${cause}`;
  return key in zh ? t(key as Key) : t("cause.other", { cause });
}
