// Package selfhost tells the stories of people who host the server themselves, with the real program: the first evening
// with everything set wrong, and the swap of the original for this server and back.
package selfhost
