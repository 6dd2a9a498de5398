// Package ratelimit counts how much has happened.
package ratelimit
