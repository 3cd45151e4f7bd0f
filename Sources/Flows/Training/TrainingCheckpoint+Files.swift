import FlowFiles
import FlowRuntime

extension TrainingCheckpoint {
  /// Writes the state as a safetensors file, whole or not at all.
  ///
  /// - Throws: `FileError`.
  public func save(to path: String) throws(FileError) {
    var file = SafetensorsFile(metadata: [
      "epoch": "\(epoch)", "steps": "\(steps)", "best_epoch": "\(bestEpoch)",
      "best_validation": "\(bestValidation)",
    ])
    for (name, values) in state.sorted(by: { $0.key < $1.key }) {
      file["state." + name] = StoredTensor(values, shape: [values.count])
    }
    for (name, values) in best.sorted(by: { $0.key < $1.key }) {
      file["best." + name] = StoredTensor(values, shape: [values.count])
    }
    try file.write(to: path)
  }

  /// Reads a state that `save` wrote.
  ///
  /// - Throws: `FileError` if the file is no such state.
  public init(path: String) throws(FileError) {
    let file = try SafetensorsFile(path: path)
    func number<Number: LosslessStringConvertible>(_ key: String) throws(FileError) -> Number {
      guard let text = file.metadata[key], let value = Number(text) else {
        throw .malformed(path: path, offset: 8, reason: "its metadata has no '\(key)'")
      }
      return value
    }
    epoch = try number("epoch")
    steps = try number("steps")
    bestEpoch = try number("best_epoch")
    bestValidation = try number("best_validation")
    state = [:]
    best = [:]
    for name in file.names {
      guard let tensor = file[name] else { continue }
      if name.hasPrefix("state.") { state[String(name.dropFirst(6))] = tensor.floats }
      if name.hasPrefix("best.") { best[String(name.dropFirst(5))] = tensor.floats }
    }
  }
}
