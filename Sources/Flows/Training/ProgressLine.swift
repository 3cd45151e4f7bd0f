import FlowFiles
import Foundation
import Synchronization

/// A line on standard error that shows how training goes and is redrawn in place.
public final class ProgressLine: Sendable {
  private let isShown: Bool
  private let last = Mutex(Date.distantPast)

  /// Makes a line; with `isShown` false it prints nothing.
  public init(isShown: Bool) { self.isShown = isShown }

  /// Draws the state, at most ten times a second.
  public func show(_ progress: TrainingProgress) {
    let isEnd = progress.batch == progress.batches
    last.withLock { last in
      guard isShown, isEnd || Date().timeIntervalSince(last) > 0.1 else { return }
      last = Date()
      StandardStreams.error("\r" + Self.text(progress) + "\u{1b}[K")
    }
  }

  /// Ends the line.
  public func clear() {
    if isShown { StandardStreams.error("\n") }
  }

  /// The line's text: epoch, bar, mean log-likelihoods or losses of flow matching, speed and time left.
  public static func text(_ progress: TrainingProgress) -> String {
    let share = Double(progress.batch) / Double(max(progress.batches, 1))
    let filled = Int(share * 20)
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 20 - filled)
    var figures: String
    switch progress.objective {
    case .likelihood:
      figures = String(format: "train %.3f", -progress.loss)
      figures += progress.validation.map { String(format: "  validation %.3f", $0) } ?? ""
      figures += " nats"
    case .flowMatching:
      figures = String(format: "matching loss: train %.4f", progress.loss)
      figures += progress.validation.map { String(format: "  validation %.4f", -$0) } ?? ""
    }
    switch progress.validationRowsWithoutDensity {
    case 0: break
    case 1: figures += " (1 row without a density)"
    case let count: figures += " (\(count) rows without a density)"
    }
    let steps = (Double(progress.epochs - progress.epoch) + 1 - share) * Double(progress.batches)
    let perSecond = progress.rowsPerSecond
    let rowsPerBatch = perSecond > 0 ? progress.rowsPerBatch : 0
    let left = perSecond > 0 ? steps * rowsPerBatch / perSecond : 0
    return String(
      format: "epoch %d/%d %@ %@  %.0f k rows/s  %.0f s left", progress.epoch,
      progress.epochs, bar, figures, perSecond / 1000, left)
  }
}
