// Package web is the court's face: server-rendered pages that work without
// JavaScript, the JSON API under /api/v1, uploads, and the ledger's public
// files.
//
// Every route stands in one list (routes.go) with the identity.Action that it
// is. One middleware (guard.go) finds the case that a request is about, asks
// identity.Can and only then calls the handler. A handler decodes, calls one
// function of a module and replies; it holds no rule. Errors become pages or
// RFC 9457 problems in one place (problem.go).
package web
