import CoreBluetooth
import Foundation
import Wristcast

/// The app's own Bluetooth for the relay's bands, with state restoration: iOS may end the app in the
/// background and start it again for an event of a band.
///
/// One write is under way per band: the relay gives the next, which is the newest look, when this
/// one is reported.
final class BandCentral: NSObject, BandRadio, @unchecked Sendable {
    // Touched on `queue` alone, which is why this may be called Sendable. Core Bluetooth calls
    // its delegate there, too.
    private let queue = DispatchQueue(label: "wristcast.example.bands")
    private var central: CBCentralManager?
    private var link: BandLink?
    private var bands: [UInt32: Band] = [:]
    private var restored: [CBPeripheral] = []
    /// Of a show that has stopped, until their connections are closed.
    private var leaving: [CBPeripheral] = []

    private struct Band {
        let spec: BandSpec
        var peripheral: CBPeripheral?
        var characteristic: CBCharacteristic?
        /// Whether the greeting is over.
        var isUp = false
        var write: BandWrite?
        /// The frame of `write` that is next.
        var next = 0
    }

    /// A write without response is in the system's hands when it is reported. Closing a connection
    /// sooner than this could lose the end look.
    private static let farewell = DispatchTimeInterval.milliseconds(200)

    /// Opens Bluetooth, for which iOS asks the user the first time. To be called while the app is
    /// launched if it had bands before, also when iOS launches it in the background: what there is
    /// to restore is given to the first who asks.
    func open() {
        queue.sync { openOnce() }
    }

    private func openOnce() {
        guard central == nil else { return }
        central = CBCentralManager(
            delegate: self, queue: queue,
            options: [CBCentralManagerOptionRestoreIdentifierKey: "wristcast.bands"])
    }

    func start(bands specs: [BandSpec], link: BandLink) {
        queue.async {
            self.link = link
            self.bands = Dictionary(uniqueKeysWithValues: specs.map { ($0.band, Band(spec: $0)) })
            self.openOnce()
            self.begin()
        }
    }

    func write(write: BandWrite) {
        queue.async {
            guard self.bands[write.band]?.isUp == true else {
                _ = self.link?.failed(band: write.band, token: write.token)
                return
            }
            // Of a connection that has gone: the next, for this one, is on its way.
            guard self.link?.connection(band: write.band) == write.connection else { return }
            self.bands[write.band]?.write = write
            self.bands[write.band]?.next = 0
            self.step(write.band, write.token)
        }
    }

    func reconnect(band: UInt32) {
        queue.async {
            guard let peripheral = self.bands[band]?.peripheral else { return }
            self.central?.cancelPeripheralConnection(peripheral)
        }
    }

    func stop() {
        queue.async {
            self.link = nil
            self.central?.stopScan()
            self.leaving += self.bands.values.compactMap(\.peripheral)
            self.bands = [:]
            self.queue.asyncAfter(deadline: .now() + Self.farewell) { self.leave() }
        }
    }

    private func leave() {
        // Unless another show has taken it on meanwhile.
        for peripheral in leaving where number(of: peripheral) == nil {
            central?.cancelPeripheralConnection(peripheral)
        }
        leaving = []
    }

    /// Connects what is known and looks for the rest.
    private func begin() {
        guard let central, central.state == .poweredOn, let link else { return }
        _ = link.ready()
        for (number, band) in bands where band.peripheral == nil {
            let identifier = UUID(uuidString: band.spec.id)
            let known = restored.first { matches($0, $0.name, band.spec) }
                ?? identifier.flatMap { central.retrievePeripherals(withIdentifiers: [$0]).first }
            if let known { take(known, for: number) }
        }
        // Bands of a show before this one.
        for peripheral in restored where number(of: peripheral) == nil {
            central.cancelPeripheralConnection(peripheral)
        }
        restored = []
        scan()
    }

    private func scan() {
        let missing = bands.values.filter { $0.peripheral == nil }.map(\.spec)
        guard let central, !missing.isEmpty else {
            central?.stopScan()
            return
        }
        // In the background iOS finds nothing without services to look for.
        let services = missing.compactMap { $0.advertisesService ? $0.service.map(CBUUID.init(string:)) : nil }
        central.scanForPeripherals(withServices: services.count == missing.count ? services : nil)
    }

    private func take(_ peripheral: CBPeripheral, for band: UInt32) {
        // Core Bluetooth does not keep it.
        bands[band]?.peripheral = peripheral
        peripheral.delegate = self
        if peripheral.state == .connected {
            discover(peripheral, band)
        } else {
            // Waits for as long as it takes, also while the app is suspended.
            central?.connect(peripheral)
        }
    }

    private func discover(_ peripheral: CBPeripheral, _ band: UInt32) {
        peripheral.discoverServices(bands[band]?.spec.service.map { [CBUUID(string: $0)] })
    }

    /// The greeting, frame by frame; then the band is up. `connection`: its characteristic's
    /// identity, which is another after every connection.
    private func greet(_ number: UInt32, on connection: ObjectIdentifier, from index: Int) {
        guard let band = bands[number], let peripheral = band.peripheral,
            let characteristic = band.characteristic,
            ObjectIdentifier(characteristic) == connection
        else { return }
        guard index < band.spec.connectWrites.count else {
            bands[number]?.isUp = true
            _ = link?.up(band: number)
            return
        }
        let greeting = band.spec.connectWrites[index]
        let type: CBCharacteristicWriteType =
            characteristic.properties.contains(.writeWithoutResponse) ? .withoutResponse : .withResponse
        peripheral.writeValue(greeting.bytes, for: characteristic, type: type)
        queue.asyncAfter(deadline: .now() + .milliseconds(Int(greeting.waitMs))) {
            self.greet(number, on: connection, from: index + 1)
        }
    }

    /// Writes the next frame of what is under way to a band, or reports that it is out. `token`: of
    /// the write that is meant, which may be over by now.
    private func step(_ number: UInt32, _ token: UInt32) {
        guard let band = bands[number], let write = band.write, write.token == token,
            let peripheral = band.peripheral, let characteristic = band.characteristic
        else { return }
        let type: CBCharacteristicWriteType = write.withResponse ? .withResponse : .withoutResponse
        // Full: peripheralIsReady goes on from here. Else looks would grow old in the system.
        if !write.withResponse && !peripheral.canSendWriteWithoutResponse { return }
        guard band.next < write.frames.count else {
            bands[number]?.write = nil
            _ = link?.written(band: number, token: token)
            return
        }
        let frame = write.frames[band.next]
        guard frame.count <= peripheral.maximumWriteValueLength(for: type) else {
            bands[number]?.isUp = false
            bands[number]?.write = nil
            _ = link?.down(band: number, reason: "takes no frames of \(frame.count) bytes")
            return
        }
        bands[number]?.next += 1
        peripheral.writeValue(frame, for: characteristic, type: type)
        if !write.withResponse {
            let wait = band.next + 1 < write.frames.count ? Int(write.intervalMs) : 0
            queue.asyncAfter(deadline: .now() + .milliseconds(wait)) { self.step(number, token) }
        }
    }

    private func number(of peripheral: CBPeripheral) -> UInt32? {
        bands.first { $0.value.peripheral?.identifier == peripheral.identifier }?.key
    }

    private func matches(_ peripheral: CBPeripheral, _ name: String?, _ spec: BandSpec) -> Bool {
        peripheral.identifier.uuidString.caseInsensitiveCompare(spec.id) == .orderedSame
            || name == spec.id
    }

    /// What was known of the band's connection is void.
    private func down(_ number: UInt32, _ reason: String) {
        bands[number]?.characteristic = nil
        bands[number]?.isUp = false
        bands[number]?.write = nil
        _ = link?.down(band: number, reason: reason)
    }

    private func lost(_ peripheral: CBPeripheral, _ reason: String) {
        guard let number = number(of: peripheral) else { return }
        down(number, reason)
        central?.connect(peripheral)
    }
}

extension BandCentral: CBCentralManagerDelegate {
    /// Comes before the first state, when iOS started the app for its bands.
    func centralManager(_ central: CBCentralManager, willRestoreState state: [String: Any]) {
        restored = state[CBCentralManagerRestoredStatePeripheralsKey] as? [CBPeripheral] ?? []
        restored.forEach { $0.delegate = self }
    }

    func centralManagerDidUpdateState(_ central: CBCentralManager) {
        switch central.state {
        case .poweredOn: begin()
        case .poweredOff: fault("Bluetooth is off; switch it on in Control Center")
        case .resetting: fault("Bluetooth is restarting")
        case .unauthorized: fault("Bluetooth is not allowed; allow it in Settings")
        case .unsupported: fault("this device has no Bluetooth for bands")
        default: break
        }
    }

    /// Every connection is gone with it, and what is known of the peripherals, too.
    private func fault(_ reason: String) {
        for (number, band) in bands where band.peripheral != nil {
            bands[number] = Band(spec: band.spec)
            _ = link?.down(band: number, reason: reason)
        }
        _ = link?.fault(reason: reason)
    }

    func centralManager(
        _ central: CBCentralManager, didDiscover peripheral: CBPeripheral,
        advertisementData: [String: Any], rssi: NSNumber
    ) {
        // The name may be in the scan response only, or be remembered from an earlier connection.
        let name = advertisementData[CBAdvertisementDataLocalNameKey] as? String ?? peripheral.name
        let found = bands.first { $0.value.peripheral == nil && matches(peripheral, name, $0.value.spec) }
        guard let found else { return }
        take(peripheral, for: found.key)
        scan()
    }

    func centralManager(_ central: CBCentralManager, didConnect peripheral: CBPeripheral) {
        if let number = number(of: peripheral) { discover(peripheral, number) }
    }

    func centralManager(
        _ central: CBCentralManager, didFailToConnect peripheral: CBPeripheral, error: (any Error)?
    ) {
        lost(peripheral, error?.localizedDescription ?? "could not be connected")
    }

    func centralManager(
        _ central: CBCentralManager, didDisconnectPeripheral peripheral: CBPeripheral,
        error: (any Error)?
    ) {
        lost(peripheral, error?.localizedDescription ?? "the connection was closed")
    }
}

extension BandCentral: CBPeripheralDelegate {
    func peripheral(_ peripheral: CBPeripheral, didDiscoverServices error: (any Error)?) {
        guard let number = number(of: peripheral), let spec = bands[number]?.spec else { return }
        let services = peripheral.services ?? []
        guard error == nil, !services.isEmpty else {
            unfit(peripheral, number, error)
            return
        }
        for service in services {
            peripheral.discoverCharacteristics([CBUUID(string: spec.characteristic)], for: service)
        }
    }

    func peripheral(
        _ peripheral: CBPeripheral, didDiscoverCharacteristicsFor service: CBService,
        error: (any Error)?
    ) {
        guard let number = number(of: peripheral), let band = bands[number],
            band.characteristic == nil
        else { return }
        let uuid = CBUUID(string: band.spec.characteristic)
        if let found = service.characteristics?.first(where: { $0.uuid == uuid }) {
            bands[number]?.characteristic = found
            greet(number, on: ObjectIdentifier(found), from: 0)
        } else if error != nil || peripheral.services?.allSatisfy({ $0.characteristics != nil }) == true {
            unfit(peripheral, number, error)
        }
    }

    /// It has not what its profile says, or not yet: said, and left connected, because connecting it
    /// again would find the same. It is looked at again when its services change.
    private func unfit(_ peripheral: CBPeripheral, _ number: UInt32, _ error: (any Error)?) {
        down(number, error?.localizedDescription ?? "has no such characteristic: is the profile right?")
    }

    func peripheral(_ peripheral: CBPeripheral, didModifyServices invalidated: [CBService]) {
        guard let number = number(of: peripheral) else { return }
        down(number, "its services have changed")
        discover(peripheral, number)
    }

    func peripheral(
        _ peripheral: CBPeripheral, didWriteValueFor characteristic: CBCharacteristic,
        error: (any Error)?
    ) {
        guard let number = number(of: peripheral), let write = bands[number]?.write,
            write.withResponse
        else { return }
        if error == nil {
            step(number, write.token)
        } else {
            bands[number]?.write = nil
            _ = link?.failed(band: number, token: write.token)
        }
    }

    func peripheralIsReady(toSendWriteWithoutResponse peripheral: CBPeripheral) {
        if let number = number(of: peripheral), let write = bands[number]?.write, !write.withResponse {
            step(number, write.token)
        }
    }
}
