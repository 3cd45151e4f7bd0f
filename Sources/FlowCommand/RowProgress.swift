import FlowFiles
import Foundation

/// A bar on standard error for commands that stream rows, redrawn in place.
struct RowProgress {
  private let isShown: Bool
  private let total: Int?
  private let start = Date()
  private var last = Date()
  private var isDrawn = false

  /// Shows a bar on a terminal, or anywhere if it is asked for.
  init(total: Int?, isForced: Bool) {
    self.total = total
    isShown = isForced || isatty(2) == 1
  }

  /// Draws how many rows are done, at most ten times a second and not for quick commands.
  mutating func show(_ done: Int) {
    guard isShown, Date().timeIntervalSince(last) > 0.1 else { return }
    last = Date()
    isDrawn = true
    StandardStreams.error("\r" + text(done) + "\u{1b}[K")
  }

  private func text(_ done: Int) -> String {
    let seconds = Date().timeIntervalSince(start)
    let rate = Format.rate(done, seconds)
    guard let total, total > 0 else { return "\(done) rows  \(rate)" }
    let filled = min(20, Int(20 * Double(done) / Double(total)))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 20 - filled)
    let left = Double(total - done) * seconds / Double(max(done, 1))
    return "\(bar) \(done) of \(total) rows  \(rate)  " + String(format: "%.0f s left", left)
  }

  /// Removes the bar.
  func clear() { if isDrawn { StandardStreams.error("\r\u{1b}[K") } }
}
