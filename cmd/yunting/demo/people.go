// Package demo fills a court with synthetic people and cases in every stage, and keeps a hearing going with synthetic
// participants, so that one person alone can see everything that a court does here.
package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"yunting/internal/identity"
)

// Password is every demonstration account's password.
const Password = "yunting-demo-2026"

// Person is one demonstration account.
type Person struct {
	Name     string        `json:"name"`
	Role     identity.Role `json:"role"`
	Login    string        `json:"login"`
	Password string        `json:"password"`
	Token    string        `json:"token"` // API bearer token
	// Part is what the person is in the demonstration, shown beside the one-click log-in.
	Part   string `json:"part"`
	PartEN string `json:"part_en"`

	account  identity.Account
	idNumber string
	phone    string
}

func (p Person) actor() identity.Actor {
	return identity.Actor{Account: p.account.ID, Name: p.account.Person.Name, Roles: p.account.Roles}
}

// cast is who the demonstration is played by. Every number is made up; the check digits are true.
func cast() []Person {
	return []Person{
		{Name: "林静", Role: identity.RoleJudge, Login: "linjing", Part: "法官", PartEN: "Judge", idNumber: "11010119800312002", phone: "13800000001"},
		{Name: "王磊", Role: identity.RoleClerk, Login: "wanglei", Part: "书记员", PartEN: "Clerk", idNumber: "11010119900722003", phone: "13800000002"},
		{Name: "赵敏", Role: identity.RoleFilingClerk, Login: "zhaomin", Part: "立案法官", PartEN: "Filing clerk", idNumber: "11010119880105004", phone: "13800000003"},
		{Name: "张伟", Role: identity.RoleUser, Login: "zhangwei", Part: "原告", PartEN: "Plaintiff", idNumber: "11010519850917001", phone: "13800000004"},
		{Name: "李娜", Role: identity.RoleUser, Login: "lina", Part: "被告", PartEN: "Defendant", idNumber: "11010819920228006", phone: "13800000005"},
		{Name: "陈曦", Role: identity.RoleSupervisor, Login: "chenxi", Part: "审判监督", PartEN: "Supervisor", idNumber: "11010119750630008", phone: "13800000006"},
		{Name: "周航", Role: identity.RoleAdministrator, Login: "zhouhang", Part: "管理员", PartEN: "Administrator", idNumber: "11010119821101009", phone: "13800000007"},
	}
}

// withCheckDigit completes the first 17 digits of a 居民身份证号 by GB 11643 (ISO 7064 MOD 11-2).
func withCheckDigit(first17 string) string {
	sum := 0
	for i, r := range first17 {
		sum += int(r-'0') * (1 << (17 - i) % 11)
	}
	return first17 + string("10X98765432"[sum%11])
}

// enrol registers the cast, or finds those who are there from an earlier start.
func (c Court) enrol(ctx context.Context) ([]Person, error) {
	people := cast()
	shared := sync.OnceValues(func() (identity.Hash, error) { return c.Identity.HashPassword(ctx, Password) })
	for i := range people {
		if err := c.enrolOne(ctx, &people[i], shared); err != nil {
			return nil, fmt.Errorf("demo: enrol %s: %w", people[i].Login, err)
		}
	}
	return people, nil
}

func (c Court) enrolOne(ctx context.Context, p *Person, shared func() (identity.Hash, error)) error {
	p.Password = Password
	account, err := c.Identity.AccountByLogin(ctx, p.Login)
	if err == nil {
		p.account = account
		return nil
	}
	if !errors.Is(err, identity.ErrNotFound) {
		return err
	}
	hash, err := shared()
	if err != nil {
		return err
	}
	p.account, err = c.Identity.Register(ctx, identity.Registration{Login: p.Login, Hash: hash, Person: identity.Person{
		Name: p.Name, IDKind: identity.IDResident, IDNumber: withCheckDigit(p.idNumber), Phone: p.phone,
		Email: p.Login + "@demo.localhost", Locale: "zh-CN"}})
	if err != nil {
		return err
	}
	if p.Role != identity.RoleUser {
		if err := c.Identity.Grant(ctx, p.account.ID, p.Role); err != nil {
			return err
		}
		p.account, err = c.Identity.Account(ctx, p.account.ID)
	}
	return err
}
