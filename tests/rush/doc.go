// Package rush lets many clients join at once, as after a restart, and looks after those who were there before.
package rush
