package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/docket/deadline"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/service"
)

// salesContract is the cause 买卖合同纠纷.
const salesContract = "04.01.11"

// Court is the running court that the demonstration fills.
type Court struct {
	Identity *identity.Service
	Docket   *docket.Docket
	Service  *service.Service
	Blobs    blob.Store
	Now      func() time.Time
}

// A plot is one synthetic case and how far it has come.
type plot struct {
	until    docket.Stage
	live     bool // its hearing is open now
	recorded bool // its hearing has a recording
	seller   string
	buyer    string
	goods    string
	amount   int64 // yuan
}

// plots are the demonstration's cases, the oldest first; the last has the open hearing.
func plots() []plot {
	return []plot{
		{until: docket.StageServed, seller: "张伟", buyer: "李娜", goods: "红木家具", amount: 128_000},
		{until: docket.StageJudged, seller: "张伟", buyer: "李娜", goods: "茶叶", amount: 36_500},
		{until: docket.StageHeard, recorded: true, seller: "张伟", buyer: "李娜", goods: "服装面料", amount: 92_300},
		{until: docket.StageRefused, seller: "张伟", buyer: "李娜", goods: "办公桌椅", amount: 8_800},
		{until: docket.StageCorrecting, seller: "张伟", buyer: "李娜", goods: "水果礼盒", amount: 15_600},
		{until: docket.StageScheduled, seller: "张伟", buyer: "李娜", goods: "笔记本电脑", amount: 214_000},
		{until: docket.StageAccepted, seller: "张伟", buyer: "李娜", goods: "建筑钢材", amount: 1_123_686},
		{until: docket.StageSubmitted, seller: "张伟", buyer: "李娜", goods: "空调设备", amount: 57_900},
		{until: docket.StageDraft, seller: "张伟", buyer: "李娜", goods: "瓷器", amount: 4_200},
		{until: docket.StageScheduled, live: true, seller: "张伟", buyer: "李娜", goods: "医疗器械", amount: 486_000},
	}
}

// stage plays one plot and returns its case and, when there is one, its hearing.
type stage struct {
	Court
	plot      plot
	judge     Person
	clerk     Person
	reviewer  Person
	plaintiff Person
	defendant Person
	kase      docket.Case
	hearing   docket.Hearing
	passed    time.Duration   // of a recorded hearing
	spoken    []docket.Spoken // in it
}

// play plays the plots and returns the hearing that is open now.
func (c Court) play(ctx context.Context, people []Person, script []plot) (docket.Hearing, error) {
	var open docket.Hearing
	for _, p := range script {
		s := &stage{Court: c, plot: p, judge: people[0], clerk: people[1], reviewer: people[2], plaintiff: people[3], defendant: people[4]}
		if p.recorded {
			s.rehearse()
		}
		if err := s.run(ctx); err != nil {
			return open, fmt.Errorf("demo: case about %s: %w", p.goods, err)
		}
		if p.live {
			open = s.hearing
		}
	}
	return open, nil
}

// run takes the case through its life until the plot's stage.
func (s *stage) run(ctx context.Context) error {
	acts := []struct {
		reached docket.Stage
		act     func(context.Context) error
	}{
		{docket.StageDraft, s.draft},
		{docket.StageSubmitted, s.submit},
		{docket.StageAccepted, s.accept},
		{docket.StageScheduled, s.schedule},
		{docket.StageHeard, s.hear},
		{docket.StageJudged, s.judgeIt},
		{docket.StageServed, s.serve},
	}
	for _, a := range acts {
		if err := a.act(ctx); err != nil {
			return fmt.Errorf("%s: %w", a.reached, err)
		}
		if a.reached == s.plot.until {
			break
		}
		if a.reached == docket.StageSubmitted && (s.plot.until == docket.StageRefused || s.plot.until == docket.StageCorrecting) {
			return s.turnAway(ctx)
		}
	}
	if s.plot.live {
		return s.open(ctx)
	}
	return nil
}

func (s *stage) draft(ctx context.Context) error {
	kase, err := s.Docket.CreateDraft(ctx, s.plaintiff.actor())
	if err != nil {
		return err
	}
	s.kase, err = s.Docket.SaveDraft(ctx, s.plaintiff.actor(), kase.ID, kase.Version, s.complaint())
	if err != nil {
		return err
	}
	for i, name := range []string{"买卖合同", "送货单及付款凭证"} {
		text := fmt.Sprintf("%s\n\n卖方：%s\n买方：%s\n标的：%s\n金额：人民币 %d 元\n\n（演示材料，内容为虚构）\n", name, s.plot.seller, s.plot.buyer, s.plot.goods, s.plot.amount)
		ref, err := s.Blobs.Put(ctx, strings.NewReader(text))
		if err != nil {
			return err
		}
		signed := s.today().AddDays(-200 + 30*i)
		if _, err := s.Docket.AddEvidence(ctx, s.plaintiff.actor(), s.kase.ID, docket.EvidenceInput{Name: name, Source: "原告保存",
			Purpose: "证明双方的买卖关系和被告欠付货款的事实", Date: &signed, FileName: name + ".txt", MediaType: "text/plain; charset=utf-8", Blob: ref}); err != nil {
			return err
		}
	}
	return s.reload(ctx)
}

func (s *stage) today() deadline.Date { return s.Docket.Court().Today(s.Now()) }

func (s *stage) reload(ctx context.Context) (err error) {
	s.kase, err = s.Docket.Case(ctx, s.kase.ID)
	return err
}

func (s *stage) complaint() docket.Draft {
	fen := s.plot.amount * 100
	party := func(standing string, p Person, address string) complaint.PartyInput {
		id := withCheckDigit(p.idNumber)
		birth := deadline.Date{Year: atoi(id[6:10]), Month: time.Month(atoi(id[10:12])), Day: atoi(id[12:14])}
		gender := "男"
		if (id[16]-'0')%2 == 0 {
			gender = "女"
		}
		return complaint.PartyInput{Standing: standing, Kind: complaint.Natural, Name: p.Name, IDKind: "resident_id", IDNumber: id,
			Gender: gender, Birth: birth, Ethnicity: "汉族", Occupation: "个体工商户", Phone: p.phone, Email: p.Login + "@demo.localhost", Address: address}
	}
	return docket.Draft{
		CauseCode: salesContract,
		Parties: []complaint.PartyInput{
			party(complaint.Plaintiff, s.plaintiff, "北京市朝阳区云庭路1号院3号楼201室"),
			party(complaint.Defendant, s.defendant, "北京市海淀区清河街18号5单元602室"),
		},
		Claims: []complaint.Claim{
			{Text: fmt.Sprintf("判令被告支付%s货款人民币%d元", s.plot.goods, s.plot.amount), AmountFen: fen},
			{Text: "判令被告承担本案诉讼费用"},
		},
		Facts: fmt.Sprintf("2026年3月6日，原告与被告签订买卖合同，约定被告向原告购买%s，总价款人民币%d元，货到后三十日内付清。"+
			"原告于2026年3月20日将货物送至被告处，被告当场验收并在送货单上签字。付款期限届满后，原告多次催要，被告至今未付。", s.plot.goods, s.plot.amount),
		Grounds: "原告已经按约交付货物，被告应当按照约定支付价款。被告逾期不付，构成违约，应当承担继续履行的责任。",
		Service: complaint.Service{Agreed: true, Email: s.plaintiff.Login + "@demo.localhost", InApp: true},
	}
}

func atoi(digits string) int {
	n := 0
	for _, r := range digits {
		n = n*10 + int(r-'0')
	}
	return n
}

func (s *stage) submit(ctx context.Context) error {
	if _, err := s.Docket.Submit(ctx, s.plaintiff.actor(), s.kase.ID, s.kase.Version); err != nil {
		return err
	}
	return s.reload(ctx)
}

// turnAway plays what the filing clerk does instead of accepting.
func (s *stage) turnAway(ctx context.Context) (err error) {
	if s.plot.until == docket.StageRefused {
		s.kase, err = s.Docket.Refuse(ctx, s.reviewer.actor(), s.kase.ID, s.kase.Version,
			"双方在合同中约定了明确有效的仲裁条款，本院不予受理，原告可以向约定的仲裁机构申请仲裁。")
		return err
	}
	s.kase, err = s.Docket.RequestCorrections(ctx, s.reviewer.actor(), s.kase.ID, s.kase.Version, []docket.Correction{
		{Field: "facts", Text: "请写明货物交付的地点和签收人。"}, {Field: "evidence", Text: "请补充提交完整的送货单。"}}, 7)
	return err
}

func (s *stage) accept(ctx context.Context) (err error) {
	s.kase, err = s.Docket.Accept(ctx, s.reviewer.actor(), s.kase.ID, docket.AcceptInput{Version: s.kase.Version,
		Procedure: docket.ProcedureSimple, Judge: s.judge.account.ID, Clerk: s.clerk.account.ID})
	return err
}

// schedule brings the defendant in and sets the hearing.
func (s *stage) schedule(ctx context.Context) error {
	for _, p := range s.kase.Side(identity.StandingDefendant) {
		invitation, err := s.Docket.Invite(ctx, s.clerk.actor(), s.kase.ID, p.ID)
		if err != nil {
			return fmt.Errorf("invite: %w", err)
		}
		if s.kase, err = s.Docket.Link(ctx, s.defendant.actor(), invitation.Code); err != nil {
			return fmt.Errorf("link: %w", err)
		}
	}
	for _, p := range []Person{s.plaintiff, s.defendant} {
		for _, part := range []string{docket.OnlineHearing, docket.OnlineEvidence} {
			if err := s.Docket.Consent(ctx, p.actor(), s.kase.ID, docket.ConsentInput{Online: true, Stage: part, EService: true,
				EmailAddress: p.Login + "@demo.localhost", InApp: true}); err != nil {
				return fmt.Errorf("consent: %w", err)
			}
		}
	}
	in := docket.HearingInput{Start: s.Now().Add(7 * 24 * time.Hour).Truncate(time.Hour), Minutes: 90, Public: true}
	if s.plot.live || s.plot.until != docket.StageScheduled {
		in.Start, in.PartiesAgreed = s.Now().Add(time.Minute).Truncate(time.Minute), true
	}
	var err error
	s.hearing, err = s.Docket.ScheduleHearing(ctx, s.clerk.actor(), s.kase.ID, in)
	if err != nil {
		return err
	}
	return s.reload(ctx)
}

func (s *stage) open(ctx context.Context) (err error) {
	s.hearing, err = s.Docket.MovePhase(ctx, s.judge.actor(), s.hearing.ID, docket.PhaseOpening)
	if err != nil {
		return err
	}
	return s.say(ctx, [][2]string{
		{"书记员 王磊", "请全体人员保持安静，不得自行录音、录像、截屏。"},
		{"审判员 林静", "现在开庭。首先核对当事人身份。"},
		{"原告 张伟", "原告张伟，身份信息与起诉状一致。"},
		{"被告 李娜", "被告李娜，身份信息无误。"},
	})
}

func (s *stage) say(ctx context.Context, lines [][2]string) error {
	for _, l := range lines {
		if _, err := s.Docket.WriteLine(ctx, s.clerk.actor(), s.hearing.ID, docket.LineInput{ID: uuid.New(), Speaker: l[0], Text: l[1]}); err != nil {
			return err
		}
		s.speak(l[0])
	}
	return nil
}

func (s *stage) hear(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	for _, phase := range []docket.Phase{docket.PhaseInvestigation, docket.PhaseDebate, docket.PhaseFinal} {
		if _, err := s.Docket.MovePhase(ctx, s.judge.actor(), s.hearing.ID, phase); err != nil {
			return fmt.Errorf("%s: %w", phase, err)
		}
		if phase != docket.PhaseInvestigation {
			s.speak(s.judge.Name)
		} else {
			if err := s.say(ctx, [][2]string{
				{"原告 张伟", "货物已于三月二十日送达，被告签收，至今没有付款。"},
				{"被告 李娜", "收到货物属实，欠款金额属实，因资金周转困难未能按期支付。"},
			}); err != nil {
				return err
			}
		}
	}
	if _, err := s.Docket.MovePhase(ctx, s.judge.actor(), s.hearing.ID, docket.PhaseClosed); err != nil {
		return err
	}
	if s.plot.recorded {
		if err := s.record(ctx); err != nil {
			return fmt.Errorf("recording: %w", err)
		}
	}
	for _, p := range []Person{s.plaintiff, s.defendant} {
		if err := s.Docket.AnswerTranscript(ctx, p.actor(), s.hearing.ID, true, ""); err != nil {
			return fmt.Errorf("transcript: %w", err)
		}
	}
	return s.reload(ctx)
}

// judgeIt fills the prefilled judgment and signs it.
func (s *stage) judgeIt(ctx context.Context) error {
	draft, err := s.Service.JudgmentDraft(ctx, s.kase.ID)
	if err != nil {
		return err
	}
	evidence, err := s.Docket.Evidence(ctx, s.kase.ID)
	if err != nil {
		return err
	}
	finding := service.FindingText{Text: "原告与被告存在买卖合同关系。原告已经交付货物，被告签收后未支付货款。上述事实有当事人陈述以及在案证据予以证实。"}
	for _, e := range evidence {
		finding.EvidenceIDs = append(finding.EvidenceIDs, e.ID)
	}
	draft.Findings = []service.FindingText{finding}
	draft.ClaimsAndDefence = strings.ReplaceAll(draft.ClaimsAndDefence, service.Blank, "对收货和欠款的事实没有异议，请求分期支付")
	draft.Course = strings.ReplaceAll(draft.Course, service.Blank, "")
	draft.Reasoning = "原告与被告之间的买卖合同是双方真实意思表示，合法有效，双方均应当按照约定履行。原告已经履行交付义务，被告逾期未付货款，应当承担违约责任。原告的诉讼请求有事实和法律依据，本院予以支持。"
	draft.Law = "依照《中华人民共和国民法典》第五百零九条第一款、第五百七十九条、第六百二十六条，《中华人民共和国民事诉讼法》第六十七条第一款规定，判决如下："
	draft.Items = []string{fmt.Sprintf("被告李娜于本判决生效之日起十日内支付原告张伟货款人民币%d元。", s.plot.amount)}
	for _, field := range []*string{&draft.Parties, &draft.Costs, &draft.AppealNotice, &draft.Penalty} {
		*field = strings.ReplaceAll(*field, service.Blank, "被告李娜")
	}
	draft, err = s.Service.SaveJudgment(ctx, s.judge.actor(), s.kase.ID, draft.Version, draft)
	if err != nil {
		return err
	}
	if _, err := s.Service.SignJudgment(ctx, s.judge.actor(), s.kase.ID, draft.Version); err != nil {
		return err
	}
	return s.reload(ctx)
}

// serve serves the judgment on both parties; both say that they received it.
func (s *stage) serve(ctx context.Context) error {
	documents, err := s.Service.Documents(ctx, s.kase.ID)
	if err != nil {
		return err
	}
	var judgment []uuid.UUID
	for _, d := range documents {
		if d.Kind == service.KindJudgment {
			judgment = append(judgment, d.ID)
		}
	}
	var parties []uuid.UUID
	for _, p := range s.kase.Parties {
		parties = append(parties, p.ID)
	}
	deliveries, err := s.Service.Serve(ctx, s.clerk.actor(), s.kase.ID, judgment, parties)
	if err != nil {
		return err
	}
	people := map[uuid.UUID]Person{s.plaintiff.account.ID: s.plaintiff, s.defendant.account.ID: s.defendant}
	for _, d := range deliveries {
		if d.Account == nil {
			continue
		}
		if _, err := s.Service.ConfirmReceipt(ctx, people[*d.Account].actor(), d.ID); err != nil {
			return fmt.Errorf("receipt: %w", err)
		}
	}
	return s.reload(ctx)
}
