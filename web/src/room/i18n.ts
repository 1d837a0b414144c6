// The room's own words. Keys are the same in both languages; a test of types holds that.

import type { Language } from "../lib/config";

const zh = {
  "seat.judge": "审判员", "seat.clerk": "书记员", "seat.plaintiff": "原告", "seat.defendant": "被告",
  "seat.third_party": "第三人", "seat.observer": "旁听", "seat.stream": "信号",
  "phase.waiting": "等待开庭", "phase.opening": "开庭", "phase.investigation": "法庭调查", "phase.debate": "法庭辩论",
  "phase.final_statements": "最后意见", "phase.recess": "休庭", "phase.closed": "闭庭",
  "phase.told.waiting": "等待开庭", "phase.told.opening": "现在开庭。核对当事人，告知权利和回避。",
  "phase.told.investigation": "现在进行法庭调查。", "phase.told.debate": "现在进行法庭辩论。",
  "phase.told.final_statements": "请各方陈述最后意见。", "phase.told.recess": "现在休庭，录制暂停，麦克风关闭。", "phase.told.closed": "现在闭庭，录制结束。",
  "do.opening": "宣布开庭", "do.investigation": "进入法庭调查", "do.debate": "进入法庭辩论", "do.final_statements": "进入最后意见",
  "do.recess": "休庭", "do.closed": "宣布闭庭", "do.resume": "恢复庭审：{phase}",
  "do.opening.says": "开庭后立即开始录音录像。", "do.closed.says": "闭庭后录音录像结束，各方不再能看见和听见彼此，庭审不能再次打开。",
  "do.recess.says": "休庭期间暂停录制，所有麦克风关闭。", "confirm": "确定", "cancel": "取消",
  "status.recording": "录音录像中", "status.paused": "录制已暂停", "status.notRecording": "未录制", "status.clock": "法院时间",
  "net.good": "网络良好", "net.fair": "网络一般", "net.bad": "网络较差", "net.lost": "正在重连", "net.connecting": "正在连接",
  "bar.micOn": "麦克风", "bar.micOff": "麦已关", "bar.micMuted": "已被静音", "bar.camOn": "摄像头", "bar.camOff": "摄像已关",
  "bar.hand": "举手", "bar.handUp": "放下手", "bar.transcript": "笔录", "bar.people": "人员", "bar.control": "庭审", "bar.devices": "设备", "bar.leave": "离开",
  "bar.label": "庭审操作", "bar.sound": "点此听到声音",
  "leave.title": "离开庭审？", "leave.text": "庭审尚未结束。未经法庭许可中途退庭，可能按撤诉处理或缺席判决。离开会记入庭审记录。", "leave.after": "离开本页面。", "leave.yes": "离开", "leave.no": "留在庭审",
  "tile.you": "（我）", "tile.lost": "网络中断，等待恢复", "tile.weak": "您的网络较弱，画面已暂停，声音不受影响", "tile.absent": "尚未到庭", "tile.lobby": "在等候室", "tile.left": "已离开", "tile.removed": "已被请出",
  "tile.noCamera": "未开摄像头", "tile.micOff": "麦克风关", "tile.muted": "被静音", "tile.hand": "举手", "tile.speaking": "正在发言",
  "panel.transcript": "庭审笔录", "panel.people": "到庭人员", "panel.control": "庭审进程", "panel.close": "收起",
  "line.empty": "笔录由书记员记录，会立即显示在这里。", "line.emptyClerk": "选择发言人，输入内容，按回车记入笔录。", "line.speaker": "发言人", "line.text": "记录内容",
  "line.placeholder": "输入发言内容，按 Enter 记入，Shift+Enter 换行", "line.add": "记入笔录", "line.edit": "修改", "line.save": "保存修改", "line.revised": "已修改 {n} 次", "line.waiting": "正在保存", "line.failed": "未保存，点击重试", "line.newest": "最新记录",
  "speaker.other": "其他",
  "people.lobby": "等候入庭（{n}）", "people.in": "已入庭（{n}）", "people.out": "未到庭（{n}）", "people.observers": "旁听（{n}）",
  "people.admit": "核对无误，准许入庭", "people.identity": "已核对身份", "people.identityAsk": "已核对姓名和身份证件（在线诉讼规则第七条）", "people.mute": "静音", "people.unmute": "取消静音", "people.remove": "请出法庭", "people.lowerHand": "放下手", "people.none": "现在没有人等候。",
  "remove.title": "请 {name} 离开法庭？", "remove.text": "被请出后不能再次进入本次庭审，此决定记入庭审记录。", "remove.reason": "理由", "remove.yes": "请出法庭",
  "declare.title": "入庭前，请确认", "declare.lead": "在线庭审与线下庭审具有同等法律效力。",
  "declare.1": "保持现场安静、光线充足，衣着得体，全程不离开画面。", "declare.2": "发言须经审判员许可，不打断他人，不做与庭审无关的事。", "declare.3": "无正当理由不到庭或中途退出，经提示、警告仍不改正的，视为拒不到庭或中途退庭；确属网络故障的除外。", "declare.4": "诉讼参与人与旁听人员均应服从审判员指挥。",
  "declare.discipline": "我已阅读法庭纪律，并将遵守。", "declare.noRecording": "我和我身边的人不会对庭审录音、录像、截屏或传播（在线诉讼规则第二十七条）。", "declare.enter": "确认并进入", "declare.missing": "请先勾选以上两项。",
  "lobby.title": "您在等候室", "lobby.text": "书记员核对身份后会请您入庭，无需任何操作，请不要关闭本页面。", "lobby.waiting": "书记员尚未到庭。", "lobby.here": "书记员已到庭，正在核对身份。", "lobby.check": "再次检查设备", "lobby.start": "开庭时间",
  "lost.title": "连接中断，正在自动恢复", "lost.text": "请不要刷新或关闭页面。网络中断会记录为网络故障，不会视为您离开法庭。",
  "drain.title": "服务器正在重启，稍后自动恢复", "drain.text": "请不要关闭页面。已录制和已记录的内容都已保存，服务器恢复后会自动回到庭审。",
  "end.removed": "您已被请出法庭", "end.removed.text": "审判员已请您离开本次庭审。", "end.left": "您已离开庭审", "end.left.text": "在庭审结束前，您可以再次进入。", "end.replaced": "已在另一处进入", "end.replaced.text": "您在另一个窗口或设备中进入了本次庭审，此页面已断开。", "end.full": "旁听席已满", "end.full.text": "请稍后再试。", "end.version": "页面需要更新", "end.version.text": "服务器已更新，请重新载入页面。", "end.protocol": "连接被拒绝", "end.protocol.text": "请重新载入页面。", "end.forbidden": "您不能进入本次庭审", "end.forbidden.text": "如有疑问，请联系书记员。",
  "end.again": "重新进入", "end.home": "返回案件",
  "closed.title": "庭审已结束", "closed.text": "请阅读笔录。确认无误请点“确认笔录”；认为有遗漏或差错，请写明后提出异议（民事诉讼法第一百五十条）。", "closed.wait": "等待各方确认笔录。", "closed.confirm": "确认笔录", "closed.object": "提出异议", "closed.objection": "遗漏或差错之处", "closed.send": "提交异议", "closed.confirmed": "已确认", "closed.objected": "提出异议", "closed.pending": "尚未回复", "closed.stale": "笔录此后有修改，需重新确认", "closed.effect": "在线确认与在纸质笔录上签名具有同等效力（在线诉讼规则第三十四条）。",
  "devices.title": "设备", "devices.camera": "摄像头", "devices.microphone": "麦克风", "devices.none": "不使用摄像头", "devices.default": "系统默认", "devices.done": "完成",
  "devices.picture": "发送画面", "devices.picture.auto": "自动", "devices.picture.small": "标清（省流量、省电）", "devices.picture.large": "高清",
  "fault.insecure": "浏览器只在安全连接（https）下允许使用摄像头和麦克风。", "fault.denied": "浏览器未获准使用摄像头或麦克风。请点地址栏左侧的图标，选择“允许”。", "fault.missing": "没有找到摄像头或麦克风，请检查是否插好。", "fault.busy": "摄像头或麦克风正被其他程序占用，请关闭那个程序。", "fault.failed": "摄像头或麦克风没有打开，请重新插拔或重启浏览器。",
  "notice.admitted": "{by} 已准许您入庭。", "notice.muted": "{by} 已将您静音，其他人听不到您。", "notice.unmuted": "{by} 已取消静音，您可以发言。", "notice.removed": "{by} 已请您离开法庭。", "notice.hand-lowered": "{by} 已放下您的手。",
  "refused.forbidden": "您没有此项权限。", "refused.conflict": "庭审已不在该阶段，操作未执行。", "refused.stale": "此行刚被修改，请看过最新内容再改。", "refused.invalid": "内容不完整或过长。", "refused.unavailable": "服务器暂时无法保存，请重试。", "refused.not-open": "笔录尚未开放确认。", "refused.not-admitted": "您尚未入庭。", "refused.identity-unchecked": "请先核对身份。", "refused.recording-unavailable": "录制设备无法启动，不能开庭。", "refused.unknown-person": "此人已不在。", "refused.declaration-incomplete": "请先勾选两项声明。", "refused.offline": "连接中断，请稍后重试。", "refused.media": "媒体连接未能建立，正在重试。", "refused.no-media": "媒体连接正在建立。", "refused.media-limit": "操作过于频繁。",
};

export type Key = keyof typeof zh;

const en: Record<Key, string> = {
  "seat.judge": "Judge", "seat.clerk": "Clerk", "seat.plaintiff": "Plaintiff", "seat.defendant": "Defendant",
  "seat.third_party": "Third party", "seat.observer": "Observer", "seat.stream": "Stream",
  "phase.waiting": "Waiting to open", "phase.opening": "Opening", "phase.investigation": "Investigation", "phase.debate": "Debate",
  "phase.final_statements": "Final statements", "phase.recess": "Recess", "phase.closed": "Closed",
  "phase.told.waiting": "Waiting to open", "phase.told.opening": "The court is in session. Parties are verified and told their rights.",
  "phase.told.investigation": "The court investigation begins.", "phase.told.debate": "The debate begins.",
  "phase.told.final_statements": "Final statements, please.", "phase.told.recess": "Recess. Recording pauses, microphones are off.", "phase.told.closed": "The hearing is closed. Recording has ended.",
  "do.opening": "Open the hearing", "do.investigation": "Go to investigation", "do.debate": "Go to debate", "do.final_statements": "Go to final statements",
  "do.recess": "Recess", "do.closed": "Close the hearing", "do.resume": "Go on: {phase}",
  "do.opening.says": "Recording begins at once.", "do.closed.says": "Recording ends and nobody sees or hears the others any more. A closed hearing cannot be opened again.",
  "do.recess.says": "Recording pauses and all microphones are off.", "confirm": "Confirm", "cancel": "Cancel",
  "status.recording": "Recording", "status.paused": "Recording paused", "status.notRecording": "Not recording", "status.clock": "Court time",
  "net.good": "Good connection", "net.fair": "Fair connection", "net.bad": "Weak connection", "net.lost": "Reconnecting", "net.connecting": "Connecting",
  "bar.micOn": "Mic", "bar.micOff": "Mic off", "bar.micMuted": "Muted", "bar.camOn": "Camera", "bar.camOff": "Cam off",
  "bar.hand": "Raise hand", "bar.handUp": "Lower hand", "bar.transcript": "Transcript", "bar.people": "People", "bar.control": "Hearing", "bar.devices": "Devices", "bar.leave": "Leave",
  "bar.label": "Hearing controls", "bar.sound": "Click to hear sound",
  "leave.title": "Leave the hearing?", "leave.text": "The hearing is not over. Leaving without the court's permission may be treated as withdrawal or lead to a judgment by default. It goes on record.", "leave.after": "You leave this page.", "leave.yes": "Leave", "leave.no": "Stay",
  "tile.you": "(you)", "tile.lost": "Connection lost, waiting", "tile.weak": "Your network is weak: picture paused, sound goes on", "tile.absent": "Not here yet", "tile.lobby": "In the lobby", "tile.left": "Has left", "tile.removed": "Sent out",
  "tile.noCamera": "Camera off", "tile.micOff": "Mic off", "tile.muted": "Muted", "tile.hand": "Hand raised", "tile.speaking": "Speaking",
  "panel.transcript": "Transcript", "panel.people": "People", "panel.control": "Course of the hearing", "panel.close": "Close panel",
  "line.empty": "What the clerk records appears here at once.", "line.emptyClerk": "Choose who speaks, type, and press Enter to record.", "line.speaker": "Speaker", "line.text": "Text",
  "line.placeholder": "Type what is said. Enter records, Shift+Enter breaks the line", "line.add": "Record", "line.edit": "Edit", "line.save": "Save", "line.revised": "edited ×{n}", "line.waiting": "Saving", "line.failed": "Not saved. Click to try again", "line.newest": "Newest",
  "speaker.other": "Other",
  "people.lobby": "In the lobby ({n})", "people.in": "In the hearing ({n})", "people.out": "Not here ({n})", "people.observers": "Observers ({n})",
  "people.admit": "Identity in order, admit", "people.identity": "Identity checked", "people.identityAsk": "I have checked name and identity document (Online Litigation Rules art. 7)", "people.mute": "Mute", "people.unmute": "Unmute", "people.remove": "Send out", "people.lowerHand": "Lower hand", "people.none": "Nobody is waiting.",
  "remove.title": "Send {name} out of the hearing?", "remove.text": "They cannot come back into this hearing. The decision goes on record.", "remove.reason": "Reason", "remove.yes": "Send out",
  "declare.title": "Before you enter, please confirm", "declare.lead": "An online hearing has the same legal force as one in the courtroom.",
  "declare.1": "Be in a quiet, well-lit place, properly dressed, and stay in the picture.", "declare.2": "Speak when the judge lets you, do not interrupt, do nothing else meanwhile.", "declare.3": "Who stays away or leaves without good reason, and does not return when warned, is treated as refusing to appear; a true network fault is not.", "declare.4": "Everyone follows the judge's directions, observers too.",
  "declare.discipline": "I have read the court's rules and will keep them.", "declare.noRecording": "Neither I nor anyone with me will record, film, capture or spread this hearing (Online Litigation Rules art. 27).", "declare.enter": "Confirm and enter", "declare.missing": "Please tick both boxes first.",
  "lobby.title": "You are in the lobby", "lobby.text": "The clerk checks your identity and lets you in. You need do nothing; please keep this page open.", "lobby.waiting": "The clerk is not here yet.", "lobby.here": "The clerk is here and checks identities.", "lobby.check": "Check devices again", "lobby.start": "Hearing begins",
  "lost.title": "Connection lost. It comes back by itself", "lost.text": "Please do not reload or close this page. The record will show a network fault, not that you left.",
  "drain.title": "The server restarts. It comes back by itself", "drain.text": "Please do not close this page. What was recorded and written down is kept; you are back in the hearing as soon as the server is.",
  "end.removed": "You were sent out of the hearing", "end.removed.text": "The judge has asked you to leave this hearing.", "end.left": "You have left the hearing", "end.left.text": "You may come back while it lasts.", "end.replaced": "You are in elsewhere", "end.replaced.text": "You entered this hearing in another window or on another device. This page is disconnected.", "end.full": "The room is full", "end.full.text": "Please try again later.", "end.version": "This page is out of date", "end.version.text": "The server was updated. Please load the page again.", "end.protocol": "The connection was refused", "end.protocol.text": "Please load the page again.", "end.forbidden": "You cannot enter this hearing", "end.forbidden.text": "Please ask the clerk.",
  "end.again": "Enter again", "end.home": "Back to the case",
  "closed.title": "The hearing is over", "closed.text": "Please read the transcript. Confirm it if it is right; if something is missing or wrong, say what and object (Civil Procedure Law art. 150).", "closed.wait": "Waiting for the parties to confirm the transcript.", "closed.confirm": "Confirm the transcript", "closed.object": "Object", "closed.objection": "What is missing or wrong", "closed.send": "Send the objection", "closed.confirmed": "confirmed", "closed.objected": "objects", "closed.pending": "no answer yet", "closed.stale": "changed since; confirm again", "closed.effect": "Confirming online has the same force as a signature on paper (Online Litigation Rules art. 34).",
  "devices.title": "Devices", "devices.camera": "Camera", "devices.microphone": "Microphone", "devices.none": "No camera", "devices.default": "System default", "devices.done": "Done",
  "devices.picture": "Picture you send", "devices.picture.auto": "Automatic", "devices.picture.small": "Standard (saves data and battery)", "devices.picture.large": "High definition",
  "fault.insecure": "Browsers allow camera and microphone only over a secure connection (https).", "fault.denied": "The browser may not use your camera or microphone. Click the icon left of the address and choose Allow.", "fault.missing": "No camera or microphone found. Check that it is plugged in.", "fault.busy": "Another program is using the camera or microphone. Close it.", "fault.failed": "The camera or microphone did not open. Plug it in again or restart the browser.",
  "notice.admitted": "{by} has let you in.", "notice.muted": "{by} has muted you. Nobody hears you.", "notice.unmuted": "{by} has unmuted you. You may speak.", "notice.removed": "{by} has sent you out.", "notice.hand-lowered": "{by} has lowered your hand.",
  "refused.forbidden": "You may not do this.", "refused.conflict": "The hearing has moved on; nothing was done.", "refused.stale": "This line was just changed. Read it again first.", "refused.invalid": "The text is incomplete or too long.", "refused.unavailable": "The server could not store this. Please try again.", "refused.not-open": "The transcript is not open for answers yet.", "refused.not-admitted": "You are not in the hearing yet.", "refused.identity-unchecked": "Check the identity first.", "refused.recording-unavailable": "The recorder does not start, so the hearing cannot open.", "refused.unknown-person": "This person is no longer here.", "refused.declaration-incomplete": "Please tick both boxes.", "refused.offline": "The connection is down. Try again in a moment.", "refused.media": "The media connection failed; trying again.", "refused.no-media": "The media connection is being made.", "refused.media-limit": "Too many tries.",
};

const tables: Record<Language, Record<Key, string>> = { zh, en };

export type Translate = (key: Key | string, params?: Record<string, string | number>) => string;

/** Gives the function that says things in a language; a key that it does not know comes back as it is. */
export function translator(language: Language): Translate {
  const table: Record<string, string> = tables[language];
  return (key, params = {}) => (table[key] ?? key).replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? ""));
}
