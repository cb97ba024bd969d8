-- The contract of a Lanewise portfolio: every table, column, unit, key, check and reference.
--
-- It is executed in memory for its rules alone: the loader reads them back from the catalog and turns them into
-- one statement a table that casts, checks and words each reason. See data/contract.py.
--
-- How to read it
--   primary key, unique   the key; in a unique key null counts as a value
--   not null              required: a row without it goes to quarantine
--   references            hard: a row whose parent is missing goes to quarantine
--   comment '-> t.c; ..'  loose: a row whose parent is missing is kept and listed
--   enum types            the words a column may hold, whatever their case
--   timestamp             a moment, stored in UTC; date columns are never shifted

create type insured_role as enum ('shipper', 'carrier', 'broker', '3PL', 'warehouse');
create type policy_transaction as enum ('new', 'renewal');
create type policy_product as enum ('motor truck cargo', 'shipper''s interest', 'open cargo', 'stock throughput', 'parcel');
create type policy_filing as enum ('filed', 'exempt', 'surplus', 'not US');
create type policy_valuation as enum ('invoice', 'CIF + 10%', 'selling price', 'market');
create type policy_term_kind as enum ('limit', 'sub-limit', 'deductible', 'aggregate');
create type policy_term_unit as enum ('money', '% of loss', '% of value');
create type delivery_proof as enum ('otp', 'photo', 'signature', 'none');
create type seal_state as enum ('sealed', 'opened', 'tampered');
create type incident_source as enum ('own', 'carrier', 'market');
create type incident_status as enum ('open', 'contained', 'closed not contained');
create type claim_kind as enum ('first-party', 'carrier liability');
create type claim_decision_path as enum ('automated', 'manual', 'investigated');
create type claim_evidence as enum ('automated', 'partial', 'none');
create type recommendation_class as enum ('critical', 'important', 'advisory');

create table insured (
    insured_id varchar primary key,
    name varchar not null,
    parent_id varchar,
    segment varchar,
    role insured_role,
    country varchar,
    broker varchar,
    registration varchar
);
comment on table insured is 'An account: the party whose goods or liability are insured.';
comment on column insured.insured_id is 'Key of the account.';
comment on column insured.name is 'Name of the account as shown on screen.';
comment on column insured.parent_id is '-> insured.insured_id; the account this one belongs to.';
comment on column insured.segment is 'Market segment in the insurer''s own words.';
comment on column insured.role is 'What the account does: shipper, carrier, broker, 3PL or warehouse.';
comment on column insured.country is 'Country of domicile, ISO 3166 alpha-2 or name.';
comment on column insured.broker is 'Broker who places the account.';
comment on column insured.registration is 'Company or motor-carrier registration number.';

create table policy (
    policy_id varchar primary key,
    insured_id varchar not null references insured (insured_id),
    inception_date date not null,
    expiry_date date not null,
    policy_number varchar,
    prior_policy_id varchar,
    transaction policy_transaction,
    status varchar,
    product policy_product,
    broker varchar,
    jurisdiction varchar,
    filing policy_filing,
    currency varchar check (regexp_full_match(currency, '[A-Z]{3}')),
    written_premium decimal(18,4),
    minimum_premium decimal(18,4) check (minimum_premium >= 0),
    technical_premium decimal(18,4) check (technical_premium >= 0),
    theft_loading double check (theft_loading between 0 and 1),
    our_share double check (our_share between 0 and 1),
    attachment_amount decimal(18,4) check (attachment_amount >= 0),
    limit_amount decimal(18,4) check (limit_amount >= 0),
    deductible_amount decimal(18,4) check (deductible_amount >= 0),
    coinsurance double check (coinsurance between 0 and 1),
    valuation_basis policy_valuation,
    brokerage_rate double check (brokerage_rate between 0 and 1),
    annual_declared_value decimal(18,4) check (annual_declared_value >= 0),
    brokered_share double check (brokered_share between 0 and 1),
    check (expiry_date > inception_date)
);
comment on table policy is 'One policy period of an account.';
comment on column policy.policy_id is 'Key of the policy period.';
comment on column policy.insured_id is 'The account insured.';
comment on column policy.inception_date is 'First day of cover.';
comment on column policy.expiry_date is 'Day on which cover ends; not itself covered.';
comment on column policy.policy_number is 'Number printed on the policy.';
comment on column policy.prior_policy_id is '-> policy.policy_id; the policy that this one renews.';
comment on column policy.transaction is 'new or renewal.';
comment on column policy.status is 'State in the insurer''s own words, for example bound, quoted or cancelled.';
comment on column policy.product is 'Kind of cover.';
comment on column policy.broker is 'Broker who placed this policy.';
comment on column policy.jurisdiction is 'Where it is regulated: US state or country code.';
comment on column policy.filing is 'Rate filing: filed, exempt, surplus or not US.';
comment on column policy.currency is 'ISO 4217 code of every amount of the policy; absent: the feed''s.';
comment on column policy.written_premium is 'Premium written for the term, policy currency, before tax.';
comment on column policy.minimum_premium is 'Least premium kept whatever the exposure, policy currency.';
comment on column policy.technical_premium is 'Technical premium at inception as recorded by the insurer, policy currency.';
comment on column policy.theft_loading is 'Share of expected cost due to theft, 0 to 1; overrides the estimate.';
comment on column policy.our_share is 'Share of the risk carried, 0 to 1.';
comment on column policy.attachment_amount is 'Loss per occurrence above which the layer begins, policy currency.';
comment on column policy.limit_amount is 'Most payable per occurrence, policy currency.';
comment on column policy.deductible_amount is 'Borne by the insured per occurrence, policy currency.';
comment on column policy.coinsurance is 'Share of each loss that is insured, 0 to 1; 1 or absent: all of it.';
comment on column policy.valuation_basis is 'How goods are valued: invoice, CIF + 10%, selling price or market.';
comment on column policy.brokerage_rate is 'Brokerage as a share of written premium, 0 to 1.';
comment on column policy.annual_declared_value is 'Value expected to be sent in the term, policy currency.';
comment on column policy.brokered_share is 'Share of loads that are brokered to other carriers, 0 to 1.';

create table policy_term (
    policy_id varchar not null references policy (policy_id),
    kind policy_term_kind not null,
    applies_to varchar,
    amount decimal(18,4) not null check (amount >= 0),
    unit policy_term_unit,
    unique (policy_id, kind, applies_to)
);
comment on table policy_term is 'A limit, sub-limit, deductible or aggregate of a policy.';
comment on column policy_term.policy_id is 'The policy.';
comment on column policy_term.kind is 'limit, sub-limit, deductible or aggregate.';
comment on column policy_term.applies_to is 'What it applies to, for example theft or electronics; absent: every loss.';
comment on column policy_term.amount is 'Size, in the unit of column unit.';
comment on column policy_term.unit is 'money (policy currency), % of loss or % of value; absent: money.';

create table premium_movement (
    policy_id varchar not null references policy (policy_id),
    moved_on date not null,
    kind varchar,
    gross_premium decimal(18,4),
    brokerage decimal(18,4),
    tax decimal(18,4),
    unique (policy_id, moved_on, kind)
);
comment on table premium_movement is 'A movement of a policy''s premium.';
comment on column premium_movement.policy_id is 'The policy.';
comment on column premium_movement.moved_on is 'Day on which the movement takes effect.';
comment on column premium_movement.kind is 'Kind of movement, for example deposit, adjustment or return.';
comment on column premium_movement.gross_premium is 'Premium moved, policy currency, before brokerage and tax; returns are negative.';
comment on column premium_movement.brokerage is 'Brokerage moved, policy currency.';
comment on column premium_movement.tax is 'Tax moved, policy currency.';

create table exposure (
    insured_id varchar not null,
    policy_id varchar,
    period_start date not null,
    period_end date not null,
    basis varchar not null,
    amount double not null check (amount >= 0),
    currency varchar check (regexp_full_match(currency, '[A-Z]{3}')),
    is_estimate boolean,
    mode varchar,
    commodity varchar,
    territory varchar,
    lane_id varchar,
    average_value decimal(18,4) check (average_value >= 0),
    maximum_value decimal(18,4) check (maximum_value >= 0),
    check (period_end >= period_start),
    unique (insured_id, policy_id, period_start, period_end, basis, mode, commodity, territory, lane_id)
);
comment on table exposure is 'What was exposed to loss in a period, as declared.';
comment on column exposure.insured_id is '-> insured.insured_id; the account.';
comment on column exposure.policy_id is '-> policy.policy_id; the policy the declaration belongs to.';
comment on column exposure.period_start is 'First day of the period.';
comment on column exposure.period_end is 'Last day of the period.';
comment on column exposure.basis is 'What is counted, for example trips, declared value, turnover or distance.';
comment on column exposure.amount is 'How much of it: money in column currency, else the unit of basis.';
comment on column exposure.currency is 'ISO 4217 code where basis is money; absent: the feed''s.';
comment on column exposure.is_estimate is 'True: estimated in advance; false: declared afterwards.';
comment on column exposure.mode is 'Mode of transport.';
comment on column exposure.commodity is 'Commodity group.';
comment on column exposure.territory is 'Territory in the insured''s words.';
comment on column exposure.lane_id is '-> lane.lane_id; the lane, where declared by lane.';
comment on column exposure.average_value is 'Average value on one conveyance, column currency.';
comment on column exposure.maximum_value is 'Largest value on one conveyance, column currency.';

create table loss_year (
    insured_id varchar not null,
    policy_id varchar,
    period_start date not null,
    period_end date not null,
    valued_on date not null,
    claim_count integer check (claim_count >= 0),
    paid decimal(18,4),
    reserve decimal(18,4),
    recovered decimal(18,4),
    check (period_end >= period_start),
    unique (insured_id, policy_id, period_start, period_end, valued_on)
);
comment on table loss_year is 'A loss run that gives only totals of a period.';
comment on column loss_year.insured_id is '-> insured.insured_id; the account.';
comment on column loss_year.policy_id is '-> policy.policy_id; the policy.';
comment on column loss_year.period_start is 'First day of the loss period.';
comment on column loss_year.period_end is 'Last day of the loss period.';
comment on column loss_year.valued_on is 'Day on which the totals were valued.';
comment on column loss_year.claim_count is 'Number of claims in the period.';
comment on column loss_year.paid is 'Paid so far, feed currency, gross of recoveries.';
comment on column loss_year.reserve is 'Case reserve outstanding, feed currency.';
comment on column loss_year.recovered is 'Salvage and subrogation so far, feed currency.';

create table site (
    site_id varchar primary key,
    name varchar,
    kind varchar,
    address varchar,
    city varchar,
    postal_code varchar,
    country varchar,
    region varchar,
    latitude double check (latitude between -90 and 90),
    longitude double check (longitude between -180 and 180),
    coordinate_source varchar,
    time_zone varchar,
    locode varchar,
    iata varchar,
    geofence_m double check (geofence_m >= 0),
    secured boolean,
    fsr_level varchar,
    psr_level varchar,
    cctv_retention_days integer check (cctv_retention_days >= 0)
);
comment on table site is 'A place where goods start, end, rest or are stored.';
comment on column site.site_id is 'Key of the place.';
comment on column site.name is 'Name as shown on screen.';
comment on column site.kind is 'hub, warehouse, yard, port, airport, truck stop or customer.';
comment on column site.address is 'Street address.';
comment on column site.city is 'City or town.';
comment on column site.postal_code is 'Postal code.';
comment on column site.country is 'Country, ISO 3166 alpha-2 or name.';
comment on column site.region is 'State or province, for example TX.';
comment on column site.latitude is 'Latitude, degrees north, WGS84.';
comment on column site.longitude is 'Longitude, degrees east, WGS84.';
comment on column site.coordinate_source is 'How the coordinates were found: given, locode, iata, city or country.';
comment on column site.time_zone is 'IANA time zone, for example America/Chicago; absent: found from the coordinates.';
comment on column site.locode is 'UN/LOCODE, for example USLAX.';
comment on column site.iata is 'IATA airport code, for example JFK.';
comment on column site.geofence_m is 'Radius within which a delivery counts as made at the place, metres.';
comment on column site.secured is 'True where entry is controlled and goods are watched.';
comment on column site.fsr_level is 'TAPA facility security level: A, B or C.';
comment on column site.psr_level is 'TAPA parking security level.';
comment on column site.cctv_retention_days is 'Days for which camera pictures are kept.';

create table site_value (
    site_id varchar not null references site (site_id),
    insured_id varchar,
    on_date date not null,
    average_value decimal(18,4) check (average_value >= 0),
    maximum_value decimal(18,4) check (maximum_value >= 0),
    unique (site_id, insured_id, on_date)
);
comment on table site_value is 'Value stored at a place on a day.';
comment on column site_value.site_id is 'The place.';
comment on column site_value.insured_id is '-> insured.insured_id; the account whose goods they are.';
comment on column site_value.on_date is 'Day to which the values belong.';
comment on column site_value.average_value is 'Average value stored, feed currency.';
comment on column site_value.maximum_value is 'Largest value stored, feed currency.';

create table lane (
    lane_id varchar primary key,
    origin_site_id varchar not null references site (site_id),
    destination_site_id varchar not null references site (site_id),
    mode varchar,
    distance_km double check (distance_km >= 0),
    planned_route varchar
);
comment on table lane is 'A way of goods: from one place to another by a mode.';
comment on column lane.lane_id is 'Key of the lane.';
comment on column lane.origin_site_id is 'Where it starts.';
comment on column lane.destination_site_id is 'Where it ends.';
comment on column lane.mode is 'Mode of transport, for example road, air, ocean or rail.';
comment on column lane.distance_km is 'Length as driven, kilometres.';
comment on column lane.planned_route is 'Planned route as WKT linestring, longitude latitude, degrees.';

create table carrier (
    carrier_id varchar primary key,
    name varchar,
    country varchar,
    registration varchar
);
comment on table carrier is 'Who moves the goods.';
comment on column carrier.carrier_id is 'Key of the carrier.';
comment on column carrier.name is 'Name as shown on screen.';
comment on column carrier.country is 'Country of registration, ISO 3166 alpha-2 or name.';
comment on column carrier.registration is 'Operating authority number, for example a US DOT number.';

create table trip (
    trip_id varchar primary key,
    carrier_id varchar,
    lane_id varchar,
    vehicle_id varchar,
    trailer_id varchar,
    container_no varchar,
    mode varchar,
    departed_at timestamp,
    arrived_at timestamp,
    crew integer check (crew >= 0),
    attended boolean
);
comment on table trip is 'One conveyance on its way: the unit that is stolen.';
comment on column trip.trip_id is 'Key of the trip.';
comment on column trip.carrier_id is '-> carrier.carrier_id; who drives it.';
comment on column trip.lane_id is '-> lane.lane_id; the way it goes.';
comment on column trip.vehicle_id is 'Truck or vessel.';
comment on column trip.trailer_id is 'Trailer.';
comment on column trip.container_no is 'Container number.';
comment on column trip.mode is 'Mode of transport, where it differs from the lane''s.';
comment on column trip.departed_at is 'Departure, UTC.';
comment on column trip.arrived_at is 'Arrival, UTC; absent: not arrived or not known.';
comment on column trip.crew is 'People on board.';
comment on column trip.attended is 'True where the conveyance was never left alone.';

create table stop (
    trip_id varchar not null,
    site_id varchar,
    latitude double check (latitude between -90 and 90),
    longitude double check (longitude between -180 and 180),
    arrived_at timestamp not null,
    left_at timestamp,
    attended boolean,
    secured boolean,
    unique (trip_id, arrived_at)
);
comment on table stop is 'A halt of a trip.';
comment on column stop.trip_id is '-> trip.trip_id; the trip.';
comment on column stop.site_id is '-> site.site_id; where, if it is a known place.';
comment on column stop.latitude is 'Latitude, degrees north, if it is no known place.';
comment on column stop.longitude is 'Longitude, degrees east, if it is no known place.';
comment on column stop.arrived_at is 'Start of the halt, UTC.';
comment on column stop.left_at is 'End of the halt, UTC.';
comment on column stop.attended is 'True where somebody stayed with the conveyance.';
comment on column stop.secured is 'True where parking was secured.';

create table shipment (
    shipment_id varchar primary key,
    insured_id varchar not null references insured (insured_id),
    lane_id varchar,
    trip_id varchar,
    carrier_id varchar,
    commodity varchar,
    incoterm varchar,
    declared_value decimal(18,4) check (declared_value >= 0),
    insured_value decimal(18,4) check (insured_value >= 0),
    currency varchar check (regexp_full_match(currency, '[A-Z]{3}')),
    weight_kg double check (weight_kg >= 0),
    handling_units integer check (handling_units >= 0),
    sealed boolean,
    scheduled_at timestamp,
    departed_at timestamp,
    delivered_at timestamp,
    delivery_status varchar,
    proof delivery_proof,
    delivered_in_geofence boolean,
    check (departed_at is not null or delivered_at is not null)
);
comment on table shipment is 'Goods of one consignment. Without a trip table each shipment is its own trip.';
comment on column shipment.shipment_id is 'Key of the shipment.';
comment on column shipment.insured_id is 'The account whose goods they are.';
comment on column shipment.lane_id is '-> lane.lane_id; the way it goes.';
comment on column shipment.trip_id is '-> trip.trip_id; the conveyance it is on.';
comment on column shipment.carrier_id is '-> carrier.carrier_id; who moves it.';
comment on column shipment.commodity is 'Commodity group.';
comment on column shipment.incoterm is 'Incoterm of the sale.';
comment on column shipment.declared_value is 'Value declared, column currency.';
comment on column shipment.insured_value is 'Value insured on the policy''s basis, column currency.';
comment on column shipment.currency is 'ISO 4217 code of the values; absent: the feed''s.';
comment on column shipment.weight_kg is 'Weight, kilograms.';
comment on column shipment.handling_units is 'Parcels, pallets or cartons.';
comment on column shipment.sealed is 'True where a seal was put on.';
comment on column shipment.scheduled_at is 'Delivery promised, UTC.';
comment on column shipment.departed_at is 'Departure, UTC.';
comment on column shipment.delivered_at is 'Delivery, UTC.';
comment on column shipment.delivery_status is 'State of the delivery.';
comment on column shipment.proof is 'Proof of delivery: otp, photo, signature or none.';
comment on column shipment.delivered_in_geofence is 'True where delivery was confirmed inside the geofence.';

create table device (
    device_id varchar primary key,
    kind varchar,
    report_interval_s double check (report_interval_s >= 0)
);
comment on table device is 'A tracker.';
comment on column device.device_id is 'Key of the device.';
comment on column device.kind is 'Kind of tracker.';
comment on column device.report_interval_s is 'Interval at which it is set to report, seconds.';

create table device_assignment (
    device_id varchar not null,
    trip_id varchar,
    shipment_id varchar,
    attached_at timestamp not null,
    detached_at timestamp,
    unique (device_id, attached_at)
);
comment on table device_assignment is 'Which device was on which trip or shipment, and when.';
comment on column device_assignment.device_id is '-> device.device_id; the device.';
comment on column device_assignment.trip_id is '-> trip.trip_id; the trip it was on.';
comment on column device_assignment.shipment_id is '-> shipment.shipment_id; the shipment it was on.';
comment on column device_assignment.attached_at is 'Put on, UTC.';
comment on column device_assignment.detached_at is 'Taken off, UTC.';

create table maintenance (
    device_id varchar not null,
    announced_at timestamp,
    starts_at timestamp,
    ends_at timestamp,
    unique (device_id, starts_at)
);
comment on table maintenance is 'A time in which a device was out of service.';
comment on column maintenance.device_id is '-> device.device_id; the device.';
comment on column maintenance.announced_at is 'When it was announced, UTC.';
comment on column maintenance.starts_at is 'Start of the maintenance, UTC.';
comment on column maintenance.ends_at is 'End of the maintenance, UTC.';

create table ping (
    device_id varchar not null,
    pinged_at timestamp not null,
    received_at timestamp,
    latitude double not null check (latitude between -90 and 90),
    longitude double not null check (longitude between -180 and 180),
    valid boolean,
    accuracy_m double check (accuracy_m >= 0),
    speed_kmh double check (speed_kmh >= 0),
    moving boolean,
    battery_pct double check (battery_pct between 0 and 100),
    event varchar,
    unique (device_id, pinged_at)
);
comment on table ping is 'A position reported by a device.';
comment on column ping.device_id is '-> device.device_id; the device.';
comment on column ping.pinged_at is 'Time of the fix, UTC.';
comment on column ping.received_at is 'Time it reached the server, UTC.';
comment on column ping.latitude is 'Latitude, degrees north, WGS84.';
comment on column ping.longitude is 'Longitude, degrees east, WGS84.';
comment on column ping.valid is 'False where the device itself doubts the fix.';
comment on column ping.accuracy_m is 'Radius of error, metres.';
comment on column ping.speed_kmh is 'Speed, kilometres an hour.';
comment on column ping.moving is 'True while moving.';
comment on column ping.battery_pct is 'Battery, 0 to 100.';
comment on column ping.event is 'Event sent with the fix: door, light, tamper, jam or power cut.';

create table scan (
    scan_id varchar primary key,
    shipment_id varchar not null,
    handling_unit varchar,
    scanned_at timestamp not null,
    site_id varchar,
    kind varchar,
    authorised boolean,
    expected_weight_kg double check (expected_weight_kg >= 0),
    measured_weight_kg double check (measured_weight_kg >= 0),
    scale_id varchar,
    scale_resolution_kg double check (scale_resolution_kg >= 0),
    operator_id varchar,
    attested boolean
);
comment on table scan is 'A reading of a shipment or handling unit at a place.';
comment on column scan.scan_id is 'Key of the scan.';
comment on column scan.shipment_id is '-> shipment.shipment_id; the shipment.';
comment on column scan.handling_unit is 'The parcel or pallet.';
comment on column scan.scanned_at is 'Time, UTC.';
comment on column scan.site_id is '-> site.site_id; where.';
comment on column scan.kind is 'Kind of scan, for example pickup, arrival or delivery.';
comment on column scan.authorised is 'True where the scan was authorised.';
comment on column scan.expected_weight_kg is 'Weight expected, kilograms.';
comment on column scan.measured_weight_kg is 'Weight measured, kilograms.';
comment on column scan.scale_id is 'The scale.';
comment on column scan.scale_resolution_kg is 'Smallest step of the scale, kilograms.';
comment on column scan.operator_id is 'Who scanned: personal data, stored only as a keyed hash.';
comment on column scan.attested is 'True where the scanning device proved that it is genuine.';

create table planned_scan (
    shipment_id varchar not null references shipment (shipment_id),
    site_id varchar,
    kind varchar,
    due_at timestamp not null,
    weighing_required boolean,
    unique (shipment_id, site_id, kind, due_at)
);
comment on table planned_scan is 'A scan that should happen.';
comment on column planned_scan.shipment_id is 'The shipment.';
comment on column planned_scan.site_id is '-> site.site_id; where.';
comment on column planned_scan.kind is 'Kind of scan.';
comment on column planned_scan.due_at is 'When it is due, UTC.';
comment on column planned_scan.weighing_required is 'True where the goods must be weighed.';

create table seal_event (
    event_id varchar primary key,
    shipment_id varchar,
    trip_id varchar,
    occurred_at timestamp not null,
    seal_no varchar,
    site_id varchar,
    state seal_state,
    check (shipment_id is not null or trip_id is not null)
);
comment on table seal_event is 'A state of a seal.';
comment on column seal_event.event_id is 'Key of the event.';
comment on column seal_event.shipment_id is '-> shipment.shipment_id; the shipment sealed.';
comment on column seal_event.trip_id is '-> trip.trip_id; the trip sealed.';
comment on column seal_event.occurred_at is 'Time, UTC.';
comment on column seal_event.seal_no is 'Number of the seal.';
comment on column seal_event.site_id is '-> site.site_id; where.';
comment on column seal_event.state is 'sealed, opened or tampered.';

create table control (
    control_id varchar primary key,
    lane_id varchar,
    site_id varchar,
    insured_id varchar,
    measure varchar not null,
    coverage_share double check (coverage_share between 0 and 1),
    installed_on date not null,
    removed_on date,
    capital_cost decimal(18,4) check (capital_cost >= 0),
    annual_cost decimal(18,4) check (annual_cost >= 0),
    verified_on date,
    evidence varchar,
    check (lane_id is not null or site_id is not null or insured_id is not null),
    check (removed_on >= installed_on)
);
comment on table control is 'A measure against loss, in place on a lane, site or account.';
comment on column control.control_id is 'Key of the control.';
comment on column control.lane_id is '-> lane.lane_id; the lane it protects.';
comment on column control.site_id is '-> site.site_id; the place it protects.';
comment on column control.insured_id is '-> insured.insured_id; the account it protects.';
comment on column control.measure is 'What it is, for example seals or on-package trackers.';
comment on column control.coverage_share is 'Share of what it protects that it reaches, 0 to 1.';
comment on column control.installed_on is 'In place from this day.';
comment on column control.removed_on is 'No longer in place from this day.';
comment on column control.capital_cost is 'Bought for, feed currency.';
comment on column control.annual_cost is 'Cost a year, feed currency.';
comment on column control.verified_on is 'Last verified.';
comment on column control.evidence is 'What was seen at verification.';

create table incident (
    incident_id varchar primary key,
    source incident_source not null,
    status incident_status,
    insured_id varchar,
    lane_id varchar,
    site_id varchar,
    trip_id varchar,
    shipment_id varchar,
    category varchar,
    modus_operandi varchar,
    location_kind varchar,
    latitude double check (latitude between -90 and 90),
    longitude double check (longitude between -180 and 180),
    location_precision_m double check (location_precision_m >= 0),
    occurred_from timestamp,
    occurred_to timestamp,
    first_alarm_at timestamp,
    detected_at timestamp,
    contained_at timestamp,
    closed_at timestamp,
    evidence_secured_at timestamp,
    insurer_notified_at timestamp,
    regulator_notified_at timestamp,
    currency varchar check (regexp_full_match(currency, '[A-Z]{3}')),
    loss_amount decimal(18,4) check (loss_amount >= 0),
    goods_recovered_amount decimal(18,4) check (goods_recovered_amount >= 0),
    police_reference varchar,
    check (occurred_from is not null or occurred_to is not null),
    check (occurred_to >= occurred_from)
);
comment on table incident is 'A theft or other event, own or reported by the market.';
comment on column incident.incident_id is 'Key of the incident.';
comment on column incident.source is 'Who reports it: own (of an insured), carrier or market.';
comment on column incident.status is 'open, contained or closed not contained.';
comment on column incident.insured_id is '-> insured.insured_id; the account that lost; absent for market incidents.';
comment on column incident.lane_id is '-> lane.lane_id; on which lane.';
comment on column incident.site_id is '-> site.site_id; at which place.';
comment on column incident.trip_id is '-> trip.trip_id; on which trip.';
comment on column incident.shipment_id is '-> shipment.shipment_id; which goods.';
comment on column incident.category is 'Crime category (TAPA words), for example theft of trailer or attempt.';
comment on column incident.modus_operandi is 'How it was done.';
comment on column incident.location_kind is 'Kind of place, for example unsecured parking or en route.';
comment on column incident.latitude is 'Latitude, degrees north, WGS84.';
comment on column incident.longitude is 'Longitude, degrees east, WGS84.';
comment on column incident.location_precision_m is 'Radius of doubt about the place, metres.';
comment on column incident.occurred_from is 'Earliest time it can have happened, UTC.';
comment on column incident.occurred_to is 'Latest time it can have happened, UTC.';
comment on column incident.first_alarm_at is 'First alarm, UTC.';
comment on column incident.detected_at is 'Detected by a person, UTC.';
comment on column incident.contained_at is 'Further loss stopped, UTC.';
comment on column incident.closed_at is 'Closed, UTC.';
comment on column incident.evidence_secured_at is 'Evidence secured, UTC.';
comment on column incident.insurer_notified_at is 'Insurer told, UTC.';
comment on column incident.regulator_notified_at is 'Regulator told, UTC.';
comment on column incident.currency is 'ISO 4217 code of the amounts; absent: the feed''s.';
comment on column incident.loss_amount is 'Ground-up value of the goods lost, column currency; absent: not known.';
comment on column incident.goods_recovered_amount is 'Value of goods found again, column currency.';
comment on column incident.police_reference is 'Police report number.';

create table claim (
    claim_id varchar primary key,
    kind claim_kind,
    insured_id varchar,
    policy_id varchar,
    incident_id varchar,
    shipment_id varchar,
    site_id varchar,
    cause varchar,
    description varchar,
    loss_date date,
    reported_at timestamp,
    acknowledged_at timestamp,
    decided_at timestamp,
    closed_at timestamp,
    reopened_at timestamp,
    status varchar,
    currency varchar check (regexp_full_match(currency, '[A-Z]{3}')),
    valued_on date,
    claimed_amount decimal(18,4) check (claimed_amount >= 0),
    paid_amount decimal(18,4) check (paid_amount >= 0),
    reserve_amount decimal(18,4),
    expense_paid decimal(18,4) check (expense_paid >= 0),
    expense_reserve decimal(18,4),
    salvage_amount decimal(18,4),
    subrogation_amount decimal(18,4),
    deductible_applied decimal(18,4) check (deductible_applied >= 0),
    decision_path claim_decision_path,
    evidence claim_evidence,
    disputed boolean,
    fraud_flagged boolean,
    fraud_confirmed boolean,
    fraud_audited boolean
);
comment on table claim is 'A claim. Amounts are cumulative at valued_on, at 100%.';
comment on column claim.claim_id is 'Key of the claim.';
comment on column claim.kind is 'first-party or carrier liability.';
comment on column claim.insured_id is '-> insured.insured_id; the account.';
comment on column claim.policy_id is '-> policy.policy_id; the policy that answers.';
comment on column claim.incident_id is '-> incident.incident_id; the event it follows from.';
comment on column claim.shipment_id is '-> shipment.shipment_id; the goods.';
comment on column claim.site_id is '-> site.site_id; the place.';
comment on column claim.cause is 'Cause of loss in the feed''s words, for example theft or handling.';
comment on column claim.description is 'What happened.';
comment on column claim.loss_date is 'Day of the loss, never shifted by a time zone.';
comment on column claim.reported_at is 'Reported, UTC.';
comment on column claim.acknowledged_at is 'Acknowledged, UTC.';
comment on column claim.decided_at is 'Accepted or denied, UTC.';
comment on column claim.closed_at is 'Closed, UTC.';
comment on column claim.reopened_at is 'Opened again, UTC.';
comment on column claim.status is 'State in the feed''s words.';
comment on column claim.currency is 'ISO 4217 code of the amounts; absent: the feed''s.';
comment on column claim.valued_on is 'Day of the valuation.';
comment on column claim.claimed_amount is 'Claimed, column currency.';
comment on column claim.paid_amount is 'Indemnity paid so far, column currency, gross of recoveries.';
comment on column claim.reserve_amount is 'Indemnity reserve, column currency.';
comment on column claim.expense_paid is 'Claims expense paid so far, column currency.';
comment on column claim.expense_reserve is 'Claims expense reserve, column currency.';
comment on column claim.salvage_amount is 'Salvage so far, column currency.';
comment on column claim.subrogation_amount is 'Subrogation so far, column currency.';
comment on column claim.deductible_applied is 'Deductible taken off, column currency.';
comment on column claim.decision_path is 'How it was decided: automated, manual or investigated.';
comment on column claim.evidence is 'Evidence behind it: automated, partial or none.';
comment on column claim.disputed is 'True where disputed.';
comment on column claim.fraud_flagged is 'True where flagged for fraud.';
comment on column claim.fraud_confirmed is 'True where fraud was confirmed.';
comment on column claim.fraud_audited is 'True where it was audited at random.';

create table claim_movement (
    claim_id varchar not null references claim (claim_id),
    moved_on date not null,
    status varchar,
    currency varchar check (regexp_full_match(currency, '[A-Z]{3}')),
    claimed_amount decimal(18,4) check (claimed_amount >= 0),
    paid_amount decimal(18,4) check (paid_amount >= 0),
    reserve_amount decimal(18,4),
    expense_paid decimal(18,4) check (expense_paid >= 0),
    expense_reserve decimal(18,4),
    salvage_amount decimal(18,4),
    subrogation_amount decimal(18,4),
    deductible_applied decimal(18,4) check (deductible_applied >= 0),
    unique (claim_id, moved_on)
);
comment on table claim_movement is 'A claim''s amounts at an earlier valuation.';
comment on column claim_movement.claim_id is 'The claim.';
comment on column claim_movement.moved_on is 'Day of the valuation.';
comment on column claim_movement.status is 'State at that day.';
comment on column claim_movement.currency is 'ISO 4217 code of the amounts; absent: the feed''s.';
comment on column claim_movement.claimed_amount is 'Claimed, cumulative at moved_on, column currency.';
comment on column claim_movement.paid_amount is 'Indemnity paid, cumulative at moved_on, column currency.';
comment on column claim_movement.reserve_amount is 'Indemnity reserve at moved_on, column currency.';
comment on column claim_movement.expense_paid is 'Claims expense paid, cumulative at moved_on, column currency.';
comment on column claim_movement.expense_reserve is 'Claims expense reserve at moved_on, column currency.';
comment on column claim_movement.salvage_amount is 'Salvage, cumulative at moved_on, column currency.';
comment on column claim_movement.subrogation_amount is 'Subrogation, cumulative at moved_on, column currency.';
comment on column claim_movement.deductible_applied is 'Deductible taken off, cumulative at moved_on, column currency.';

create table refund (
    refund_id varchar primary key,
    shipment_id varchar,
    operator_id varchar,
    amount decimal(18,4) check (amount >= 0),
    currency varchar check (regexp_full_match(currency, '[A-Z]{3}')),
    reason varchar,
    refunded_at timestamp,
    item_received boolean
);
comment on table refund is 'Money given back to a customer.';
comment on column refund.refund_id is 'Key of the refund.';
comment on column refund.shipment_id is '-> shipment.shipment_id; the shipment.';
comment on column refund.operator_id is 'Who granted it: personal data, stored only as a keyed hash.';
comment on column refund.amount is 'Refunded, column currency.';
comment on column refund.currency is 'ISO 4217 code; absent: the feed''s.';
comment on column refund.reason is 'Reason given.';
comment on column refund.refunded_at is 'Time, UTC.';
comment on column refund.item_received is 'True where the goods came back.';

create table chargeback (
    chargeback_id varchar primary key,
    shipment_id varchar,
    amount decimal(18,4) check (amount >= 0),
    currency varchar check (regexp_full_match(currency, '[A-Z]{3}')),
    reason varchar,
    opened_at timestamp,
    outcome varchar
);
comment on table chargeback is 'A payment taken back by the card issuer.';
comment on column chargeback.chargeback_id is 'Key of the charge-back.';
comment on column chargeback.shipment_id is '-> shipment.shipment_id; the shipment.';
comment on column chargeback.amount is 'Charged back, column currency.';
comment on column chargeback.currency is 'ISO 4217 code; absent: the feed''s.';
comment on column chargeback.reason is 'Reason code or text.';
comment on column chargeback.opened_at is 'Opened, UTC.';
comment on column chargeback.outcome is 'How it ended.';

create table drill (
    drill_id varchar primary key,
    insured_id varchar,
    held_on date,
    scenario varchar,
    alarmed_at timestamp,
    contained_at timestamp
);
comment on table drill is 'An exercise of the response to theft.';
comment on column drill.drill_id is 'Key of the drill.';
comment on column drill.insured_id is '-> insured.insured_id; who was drilled.';
comment on column drill.held_on is 'Day on which it took place.';
comment on column drill.scenario is 'Situation that was exercised.';
comment on column drill.alarmed_at is 'Alarm given, UTC.';
comment on column drill.contained_at is 'Contained, UTC.';

create table assessment (
    insured_id varchar not null,
    item varchar,
    met boolean,
    evidence varchar,
    assessed_on date,
    unique (insured_id, item, assessed_on)
);
comment on table assessment is 'Whether a requirement is met.';
comment on column assessment.insured_id is '-> insured.insured_id; the account.';
comment on column assessment.item is 'The requirement.';
comment on column assessment.met is 'True where it is met.';
comment on column assessment.evidence is 'Evidence seen.';
comment on column assessment.assessed_on is 'Day on which it took place.';

create table recommendation (
    insured_id varchar not null,
    site_id varchar,
    class recommendation_class,
    text varchar,
    due_on date,
    closed_on date,
    evidence varchar,
    unique (insured_id, site_id, class, text)
);
comment on table recommendation is 'What loss control asked an account to do.';
comment on column recommendation.insured_id is '-> insured.insured_id; the account.';
comment on column recommendation.site_id is '-> site.site_id; the place.';
comment on column recommendation.class is 'critical, important or advisory.';
comment on column recommendation.text is 'What was asked.';
comment on column recommendation.due_on is 'Day by which it is to be done.';
comment on column recommendation.closed_on is 'Day on which it was done.';
comment on column recommendation.evidence is 'Evidence seen.';

create table legal_clock (
    jurisdiction varchar not null,
    claim_kind claim_kind,
    step varchar,
    days integer check (days >= 0),
    unique (jurisdiction, claim_kind, step)
);
comment on table legal_clock is 'A deadline set by law for a step of a claim.';
comment on column legal_clock.jurisdiction is 'US state or country code.';
comment on column legal_clock.claim_kind is 'first-party or carrier liability.';
comment on column legal_clock.step is 'The step, for example acknowledge or decide.';
comment on column legal_clock.days is 'Days allowed.';

create table fx_rate (
    currency varchar not null check (regexp_full_match(currency, '[A-Z]{3}')),
    on_date date not null,
    rate double not null check (rate > 0),
    unique (currency, on_date)
);
comment on table fx_rate is 'A rate of exchange.';
comment on column fx_rate.currency is 'ISO 4217 code.';
comment on column fx_rate.on_date is 'Valid from this day until the next rate.';
comment on column fx_rate.rate is 'Units of the portfolio''s base currency for one unit of currency.';
