import ArgumentParser
import FlowFiles
import FlowIR
import Flows

extension Dump {
  /// The model, of which values are to be observed or a page is to be written.
  ///
  /// - Throws: an error for a text file of functions, and if the model can't be read.
  func readModel() throws -> Model {
    guard !model.hasSuffix(".flowir") else {
      throw ValidationError(
        "--values and --html take a model; a .flowir file has no parameters")
    }
    return try Model.read(model)
  }

  /// The function's text with what its values are on some rows.
  func observed(_ function: Function, _ path: String, of model: Model) throws -> ValuesText {
    let most = 64
    let names = function.arguments.filter { $0.kind == .input }.map(\.name)
    let x = names.first { $0 == "x" || $0 == "z" }
    guard let x, Set(names).isSubset(of: [x, "context"]) else {
      throw ValidationError(
        "--values runs functions of rows, such as log_prob, transform and inverse; '\(function.name)' takes "
          + names.joined(separator: ", "))
    }
    let table = try TableSample<Double>(
      path, columns: model.features, "features", options: TableOptions(), most: most,
      trained: x == "x" ? model.columns.x : [], isSpaced: false)
    var inputs = [x: table.values]
    if let given = try contextPath(context, columns: model.context, place: self.model) {
      let rows = try TableSample<Double>(
        given, columns: model.context, "context features", options: TableOptions(), most: most,
        trained: model.columns.context, isSpaced: false)
      guard rows.total == table.total || rows.total == 1 else {
        throw FileError.mismatch(
          path: given, found: "\(rows.total) rows",
          expected: "\(table.total) rows, as in \(path), or 1")
      }
      inputs["context"] =
        rows.total == 1 ? (0..<table.count).flatMap { _ in rows.row(0) } : rows.values
    }
    let values = try ObservedValues(function, of: model, inputs: inputs, rows: table.count)
    return ValuesText(values, rows: table.count, path: path)
  }
}
