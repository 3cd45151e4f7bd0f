/// The log-likelihoods of a training run over its epochs, or its losses.
public struct TrainingCurves: Sendable {
  /// What the curves are of.
  public enum Quantity: Sendable {
    /// Mean log-likelihoods in nats.
    case logLikelihood
    /// Means of the loss of flow matching.
    case matchingLoss
  }

  private let train: [Point]
  private let validation: [Point]
  private let best: Int?
  private let quantity: Quantity

  /// Makes a picture of a run.
  ///
  /// - Parameters:
  ///   - train: (epoch, mean) of the training rows.
  ///   - validation: the same of the validation rows; empty if there are none.
  ///   - best: the epoch whose parameters were kept.
  ///   - quantity: what the means are of.
  public init(
    train: [Point], validation: [Point], best: Int?, of quantity: Quantity = .logLikelihood
  ) {
    (self.train, self.validation, self.best) = (train, validation, best)
    self.quantity = quantity
  }

  /// The picture.
  public var svg: SVG {
    var svg = SVG(width: 720, height: 430)
    let all = (train + validation).filter { $0.y.isFinite }
    let epochs = all.map(\.x)
    let sorted = all.map(\.y).sorted()
    // The first epochs may be far worse than the others; they must not flatten the rest.
    let (low, high, label): (Double, Double, String) =
      switch quantity {
      case .logLikelihood:
        (Summary.quantile(sorted, 0.02), sorted.last ?? 1, "mean log-likelihood, nats")
      case .matchingLoss:
        (sorted.first ?? 0, Summary.quantile(sorted, 0.98), "mean loss of flow matching")
      }
    let room = 0.08 * (high - low)
    let panel = Panel(
      left: 76, top: 30, width: 500, height: 340,
      x: Scale.widened((epochs.min() ?? 0)...(epochs.max() ?? 1)),
      y: sorted.isEmpty ? 0...1 : Scale.widened(low - room...high + room))
    panel.grid(in: &svg)
    var legend = Legend()
    panel.draw(in: &svg) { svg in
      if let best {
        let x = panel.x(Double(best))
        svg.line(
          [Point(x, panel.top), Point(x, panel.top + panel.height)], color: Color.frame, width: 1,
          dashes: "3 3")
      }
      panel.line(train, in: &svg, color: Color.model, width: 1.8)
      panel.line(validation, in: &svg, color: Color.data, width: 1.8)
      let judged = validation.isEmpty ? train : validation
      let marked = judged.filter { $0.x == best.map { Double($0) } }.map(panel.pixel)
      svg.dots(
        marked, radius: 4, color: validation.isEmpty ? Color.model : Color.data, opacity: 1)
    }
    legend.entries.append((.line, Color.model, "train"))
    if !validation.isEmpty { legend.entries.append((.line, Color.data, "validation")) }
    if let best { legend.entries.append((.dashes, Color.frame, "best epoch, \(best)")) }
    panel.frame(
      in: &svg, xLabel: "epoch", yLabel: label, labelOffset: 56)
    legend.draw(in: &svg, x: 590, y: 34)
    return svg
  }
}
