import FlowFiles
import FlowPlot
import Foundation

/// The log of a training run: JSON lines, one for each epoch.
struct TrainingLog {
  /// The lines, with the epoch that each is about.
  private(set) var lines: [(epoch: Int, text: [UInt8])] = []
  private var train: [Point] = []
  private var validation: [Point] = []
  private var quantity = TrainingCurves.Quantity.logLikelihood

  /// Reads a log.
  ///
  /// - Throws: `FileError` naming the line that is not a record of an epoch.
  init(path: String) throws(FileError) {
    try System.checkReadable(path)
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw .system(path: path, action: "read", reason: "its bytes can't be read")
    }
    for (index, line) in bytes.split(separator: 10).enumerated() {
      guard let record = try? JSONValue.parse(line), case .integer(let epoch)? = record["epoch"]
      else {
        throw .badRow(
          path: path, row: index + 1,
          reason: "it is not a record of an epoch, as train --log writes them")
      }
      lines.append((epoch, Array(line)))
      if record["train_matching_loss"] != nil { quantity = .matchingLoss }
      let name = quantity == .matchingLoss ? "matching_loss" : "log_likelihood"
      if let value = Self.number(record["train_\(name)"]) {
        train.append(Point(Double(epoch), value))
      }
      if let value = Self.number(record["validation_\(name)"]) {
        validation.append(Point(Double(epoch), value))
      }
    }
    guard !lines.isEmpty else {
      throw .mismatch(path: path, found: "no epoch", expected: "the log of a run of train --log")
    }
  }

  /// Whether a file is a log, by its name or by its first line.
  static func isLog(path: String) -> Bool {
    if path.hasSuffix(".jsonl") { return true }
    guard let file = FileHandle(forReadingAtPath: path) else { return false }
    defer { try? file.close() }
    guard let start = try? file.read(upToCount: 4096),
      let line = start.split(separator: 10, maxSplits: 1).first,
      case .integer? = (try? JSONValue.parse(Array(line)))?["epoch"]
    else { return false }
    return true
  }

  private static func number(_ value: JSONValue?) -> Double? {
    switch value {
    case .integer(let value)?: Double(value)
    case .number(let value)?: value
    case .null?, .bool?, .string?, .array?, .object?, nil: nil
    }
  }

  /// The picture.
  var curves: TrainingCurves {
    let judged = validation.isEmpty ? train : validation
    let best =
      switch quantity {
      case .logLikelihood: judged.max { $0.y < $1.y }
      case .matchingLoss: judged.min { $0.y < $1.y }
      }
    return TrainingCurves(
      train: train, validation: validation, best: best.map { Int($0.x) }, of: quantity)
  }
}
