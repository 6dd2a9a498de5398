// Package readme runs the commands of README.md as a reader would type them:
// in order, with a fresh home directory, and knowing nothing but the README.
//
// The README's fenced blocks say what is typed and what is expected:
//
//   - A block tagged "sh" is typed. All of them share one shell, so variables
//     and cd carry over. Each must end by itself, with status 0.
//   - A block tagged "sh background" is typed in another terminal and left
//     running to the end. It sees no variable of other blocks.
//   - A block tagged "text" right after one of these holds lines that the block
//     must print, in this order; "…" stands for any text within a line.
//   - A block tagged "text of 2" does so for the second background block, so
//     that a listener can be asked later what it heard.
//
// Blocks with any other tag are not typed.
package readme
