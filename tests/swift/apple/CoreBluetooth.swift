// Apple's declarations, as far as the adapters and the example use them, to check their types on
// Linux. What is no Sendable there is none here.
@_exported import Foundation

public let CBCentralManagerOptionRestoreIdentifierKey = ""
public let CBCentralManagerRestoredStatePeripheralsKey = ""
public let CBAdvertisementDataLocalNameKey = ""

public enum CBManagerState: Int, Sendable {
    case unknown, resetting, unsupported, unauthorized, poweredOff, poweredOn
}
public enum CBManagerAuthorization: Int, Sendable {
    case notDetermined, restricted, denied, allowedAlways
}
public enum CBPeripheralState: Int, Sendable {
    case disconnected, connecting, connected, disconnecting
}
public enum CBCharacteristicWriteType: Int, Sendable { case withResponse, withoutResponse }
public struct CBCharacteristicProperties: OptionSet, Sendable {
    public let rawValue: UInt
    public init(rawValue: UInt) { self.rawValue = rawValue }
    public static let writeWithoutResponse = CBCharacteristicProperties(rawValue: 4)
}

open class CBUUID: NSObject {
    public init(string: String) {}
    public init(data: Data) {}
}
open class CBAttribute: NSObject { public var uuid: CBUUID { fatalError() } }
open class CBCharacteristic: CBAttribute {
    public var properties: CBCharacteristicProperties { [] }
}
open class CBService: CBAttribute { public var characteristics: [CBCharacteristic]? { nil } }
open class CBPeer: NSObject { public var identifier: UUID { fatalError() } }
open class CBPeripheral: CBPeer {
    public weak var delegate: (any CBPeripheralDelegate)?
    public var name: String? { nil }
    public var state: CBPeripheralState { .disconnected }
    public var services: [CBService]? { nil }
    public var canSendWriteWithoutResponse: Bool { true }
    public func discoverServices(_: [CBUUID]?) {}
    public func discoverCharacteristics(_: [CBUUID]?, for: CBService) {}
    public func writeValue(_: Data, for: CBCharacteristic, type: CBCharacteristicWriteType) {}
    public func maximumWriteValueLength(for: CBCharacteristicWriteType) -> Int { 20 }
}
open class CBManager: NSObject {
    public var state: CBManagerState { .unknown }
    public class var authorization: CBManagerAuthorization { .notDetermined }
}
open class CBCentralManager: CBManager {
    public init(
        delegate: (any CBCentralManagerDelegate)?, queue: DispatchQueue?, options: [String: Any]? = nil
    ) {}
    public func retrievePeripherals(withIdentifiers: [UUID]) -> [CBPeripheral] { [] }
    public func scanForPeripherals(withServices: [CBUUID]?, options: [String: Any]? = nil) {}
    public func stopScan() {}
    public func connect(_: CBPeripheral, options: [String: Any]? = nil) {}
    public func cancelPeripheralConnection(_: CBPeripheral) {}
}

// All of them, so that a method whose name is misspelt does not go by as one that nobody calls.
public protocol CBCentralManagerDelegate: NSObjectProtocol {
    func centralManagerDidUpdateState(_ central: CBCentralManager)
    func centralManager(_ central: CBCentralManager, willRestoreState dict: [String: Any])
    func centralManager(
        _ central: CBCentralManager, didDiscover peripheral: CBPeripheral,
        advertisementData: [String: Any], rssi RSSI: NSNumber)
    func centralManager(_ central: CBCentralManager, didConnect peripheral: CBPeripheral)
    func centralManager(
        _ central: CBCentralManager, didFailToConnect peripheral: CBPeripheral, error: (any Error)?)
    func centralManager(
        _ central: CBCentralManager, didDisconnectPeripheral peripheral: CBPeripheral,
        error: (any Error)?)
}
public protocol CBPeripheralDelegate: NSObjectProtocol {
    func peripheral(_ peripheral: CBPeripheral, didDiscoverServices error: (any Error)?)
    func peripheral(
        _ peripheral: CBPeripheral, didDiscoverCharacteristicsFor service: CBService,
        error: (any Error)?)
    func peripheral(_ peripheral: CBPeripheral, didModifyServices invalidatedServices: [CBService])
    func peripheral(
        _ peripheral: CBPeripheral, didWriteValueFor characteristic: CBCharacteristic,
        error: (any Error)?)
    func peripheralIsReady(toSendWriteWithoutResponse peripheral: CBPeripheral)
}
