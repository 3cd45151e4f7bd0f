import FlowFiles
import FlowIR
import Flows
import Foundation

@testable import FlowRuntime

/// The formats that come from outside, and what reads them.
enum Format: String, CaseIterable {
  case safetensors
  case model
  case npy
  case npz
  case csv
  case json
  case description
  case ir
  case sidecar
  /// An object of the cache, of which only the seal is read before it is loaded.
  case object

  /// Reads one input as the command would. An error of the reader's own is the right answer to a
  /// damaged input; whatever else ends the process.
  func read(_ bytes: [UInt8], path: String) {
    switch self {
    case .safetensors: ignoringErrors { try Self.readTensors(path) }
    case .model: ignoringErrors { _ = try Model(path: path) }
    case .npy, .npz, .csv: ignoringErrors { try Self.readRows(openRows(path)) }
    case .json:
      ignoringErrors {
        let value = try JSONValue.parse(bytes)
        let again = try JSONValue.parse(value.text.utf8)
        precondition(again.text == value.text, "JSON does not print as it was read")
      }
    case .description:
      ignoringErrors { _ = try FlowDescription(text: String(decoding: bytes, as: UTF8.self)) }
    case .ir: ignoringErrors { try Self.readModule(String(decoding: bytes, as: UTF8.self)) }
    case .sidecar: ignoringErrors { _ = try TrainingCheckpoint(path: path) }
    case .object: Self.readObject(Data(bytes))
    }
  }

  private func ignoringErrors(_ body: () throws -> Void) {
    do { try body() } catch { precondition(!"\(error)".isEmpty, "an error without a message") }
  }

  /// What passes for whole is what sealing the object again gives, but for the order and the spaces of
  /// the features.
  private static func readObject(_ bytes: Data) {
    guard let needs = SealedObject.needs(of: bytes) else {
      let whole = SealedObject.seal(bytes, features: ["avx2"])
      precondition(SealedObject.needs(of: whole) == ["avx2"], "a whole object is refused")
      precondition(SealedObject.needs(of: whole.dropLast()) == nil, "a cut object passes")
      return
    }
    precondition(!needs.contains(""), "an empty feature")
  }

  private static func readTensors(_ path: String) throws {
    let file = try SafetensorsFile(path: path)
    for name in file.names {
      guard let tensor = file[name] else { preconditionFailure("tensor '\(name)' has gone") }
      precondition(tensor.doubles.count == tensor.count)
    }
  }

  private static func readRows(_ reader: any RowReader) throws {
    var last = 0
    while true {
      let values = try reader.read(256)
      if values.isEmpty { return }
      precondition(values.count % reader.columns == 0, "a part of a row")
      let number = reader.number(ofRow: values.count / reader.columns - 1)
      precondition(number > last, "rows are not numbered from 1 on")
      last = number
    }
  }

  /// What is verified prints as text that reads back as the same.
  private static func readModule(_ text: String) throws {
    let module = try Module(parsing: text)
    for function in module.functions { try function.verify() }
    let printed = module.text
    do {
      let again = try Module(parsing: printed)
      precondition(again.text == printed, "the module does not print as it was read")
    } catch {
      preconditionFailure("printed text is refused: \(error)")
    }
  }
}
