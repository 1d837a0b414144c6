package service

import (
	"context"
	"fmt"
	"strings"

	"yunting/docket"
	"yunting/service/mail"
)

// maxAttached bounds what one mail carries; above it the mail says where the documents are. Many mail servers
// refuse more than 10 MiB after encoding.
const maxAttached = 7 << 20 // bytes

// deliveryMail is the mail of a delivery: the documents attached, or a notice with the link. Fetching the link
// is no receipt.
func (s *Service) deliveryMail(ctx context.Context, d Delivery, address string) (mail.Message, error) {
	var titles []string
	var size int64
	for _, f := range d.Documents {
		titles = append(titles, f.Title)
		size += f.Blob.Size
	}
	subject := fmt.Sprintf("【%s】送达：%s %s", s.court.Name, d.CaseNumber, strings.Join(titles, "、"))
	m := mail.Message{ID: s.messageID(d.ID), To: address, Subject: subject, Date: s.now()}
	attached := "文书见附件。\nThe documents are attached."
	if size > maxAttached {
		attached = "文书较大，请登录后在“我的送达”中查阅、下载。\nThe documents are too large for mail; read them after logging in."
	} else {
		for _, f := range d.Documents {
			a, err := s.attachment(ctx, f)
			if err != nil {
				return m, err
			}
			m.Attachments = append(m.Attachments, a)
		}
	}
	m.Text = fmt.Sprintf("%s：\n\n%s就%s（%s）向你（单位）送达：%s。\n\n%s\n\n"+
		"查阅并确认收到：%s\n打开链接本身不视为签收。你已同意以本邮箱接收电子送达，文书到达之日为送达之日（《人民法院在线诉讼规则》第三十一条）。\n"+
		"You consented to service by e-mail; the documents are served on the day on which they arrive. Opening the link is no receipt.\n\n%s  %s\n",
		d.RecipientName, s.court.Name, d.CaseTitle, d.CaseNumber, strings.Join(titles, "、"), attached,
		s.publicURL+"/deliveries/"+d.ID.String(), s.court.Name, s.court.NameEN)
	return m, nil
}

// invitationMail carries the letter with the one-time code.
func (s *Service) invitationMail(ctx context.Context, c docket.Case, inv docket.Invitation, d Document) (mail.Message, error) {
	a, err := s.attachment(ctx, d)
	if err != nil {
		return mail.Message{}, err
	}
	text := fmt.Sprintf("%s：\n\n%s受理了%s（%s），通知你（单位）应诉，并询问是否同意在线诉讼。请在收到之日起三日内注册并输入一次性关联码：\n\n    %s\n\n"+
		"关联案件：%s\n详见附件。本邮件是邀请，不是电子送达。\n\n"+
		"You are a party to case %s. To take part online, register with your real name and enter the code above. This mail is an invitation and no service.\n\n%s  %s\n",
		inv.Party.Name, s.court.Name, c.Title, c.Number, inv.Code, s.publicURL+"/link", c.Number, s.court.Name, s.court.NameEN)
	return mail.Message{ID: "invitation-" + s.messageID(inv.ID), To: inv.Party.Email,
		Subject: fmt.Sprintf("【%s】%s %s", s.court.Name, d.Title, c.Number), Text: text, Date: s.now(),
		Attachments: []mail.Attachment{a}}, nil
}

// draftNoticeMail says that a draft will be cleared soon. It names neither a party nor what the draft says.
func (s *Service) draftNoticeMail(n docket.DraftNotice, address string) mail.Message {
	text := fmt.Sprintf("您好：\n\n您在%s填写的一份起诉状草稿尚未提交，保留到%s（含当日）。届时仍未提交也没有修改的，草稿及所附文件将被清除。\n\n"+
		"继续填写：%s\n修改草稿后，保留期限重新计算。本邮件是提醒，不是电子送达。\n\n"+
		"A complaint that you began and have not submitted is kept up to and including %s. Unless you submit or change it by then, it is cleared with its files. "+
		"Any change begins the period anew. This mail is a reminder and no service.\n\n%s  %s\n",
		s.court.Name, dateText(n.KeptUntil), s.publicURL+"/cases/"+n.Case.String()+"/edit", n.KeptUntil, s.court.Name, s.court.NameEN)
	return mail.Message{ID: "draft-" + n.KeptUntil.String() + "-" + s.messageID(n.Case), To: address, Date: n.At, Text: text,
		Subject: fmt.Sprintf("【%s】起诉状草稿即将清除 Your draft will be cleared", s.court.Name)}
}
