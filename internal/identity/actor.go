// Package identity knows the people of the court: who they are, how they sign
// in, which roles they hold and what they may do.
package identity

import (
	"slices"

	"github.com/google/uuid"
)

// Role is what an account may be court-wide.
type Role string

// The roles. Every registered person is a user; staff hold further roles.
const (
	RoleUser          Role = "user"
	RoleFilingClerk   Role = "filing_clerk" // 立案法官
	RoleClerk         Role = "clerk"        // 书记员
	RoleJudge         Role = "judge"        // 法官
	RoleSupervisor    Role = "supervisor"   // 审判监督
	RoleAdministrator Role = "administrator"
)

// Roles lists every role.
func Roles() []Role {
	return []Role{RoleUser, RoleFilingClerk, RoleClerk, RoleJudge, RoleSupervisor, RoleAdministrator}
}

// Standing is what a person is in one case.
type Standing string

// The standings.
const (
	StandingPlaintiff Standing = "plaintiff"   // 原告
	StandingDefendant Standing = "defendant"   // 被告
	StandingThird     Standing = "third_party" // 第三人
	StandingJudge     Standing = "judge"       // 承办法官
	StandingClerk     Standing = "clerk"       // 书记员
)

// Standings lists every standing.
func Standings() []Standing {
	return []Standing{StandingPlaintiff, StandingDefendant, StandingThird, StandingJudge, StandingClerk}
}

// Actor is who acts. The zero value is nobody signed in.
type Actor struct {
	Account uuid.UUID
	Name    string
	Roles   []Role
	Session uuid.UUID // the session or API token that proved it; zero for System
}

// System is the court's server itself, for acts that no person does: jobs,
// arrivals, computed effects.
var System = Actor{Account: uuid.MustParse("00000000-0000-7000-8000-000000000001"), Name: "system"}

// Anonymous reports whether nobody is signed in.
func (a Actor) Anonymous() bool { return a.Account == uuid.Nil }

// IsSystem reports whether the server itself acts.
func (a Actor) IsSystem() bool { return a.Account == System.Account }

// Has reports whether the actor holds role r.
func (a Actor) Has(r Role) bool { return slices.Contains(a.Roles, r) }

// Staff reports whether the actor holds any role beyond RoleUser.
func (a Actor) Staff() bool {
	return slices.ContainsFunc(a.Roles, func(r Role) bool { return r != RoleUser })
}
