package wal

// builtin holds the types whose OIDs are part of Postgres itself (pg_type.dat), by OID. It is never written after
// start-up. Types that are missing here, the row types of the catalogs among them, are loaded like any other.
var builtin = makeBuiltin()

// builtinTypes lists OID, name, OID of the array type (0: none) and class.
var builtinTypes = []struct {
	oid   uint32
	name  string
	array uint32
	class class
}{
	{16, "bool", 1000, boolClass},
	{17, "bytea", 1001, byteaClass},
	{18, "char", 1002, stringClass},
	{19, "name", 1003, stringClass},
	{20, "int8", 1016, intClass},
	{21, "int2", 1005, intClass},
	{22, "int2vector", 1006, vectorClass},
	{23, "int4", 1007, intClass},
	{24, "regproc", 1008, stringClass},
	{25, "text", 1009, stringClass},
	{26, "oid", 1028, stringClass},
	{27, "tid", 1010, stringClass},
	{28, "xid", 1011, stringClass},
	{29, "cid", 1012, stringClass},
	{30, "oidvector", 1013, vectorClass},
	{114, "json", 199, jsonClass},
	{142, "xml", 143, stringClass},
	{194, "pg_node_tree", 0, stringClass},
	{600, "point", 1017, stringClass},
	{601, "lseg", 1018, stringClass},
	{602, "path", 1019, stringClass},
	{603, "box", 1020, stringClass},
	{604, "polygon", 1027, stringClass},
	{628, "line", 629, stringClass},
	{650, "cidr", 651, stringClass},
	{700, "float4", 1021, decimalClass},
	{701, "float8", 1022, decimalClass},
	{718, "circle", 719, stringClass},
	{774, "macaddr8", 775, stringClass},
	{790, "money", 791, stringClass},
	{829, "macaddr", 1040, stringClass},
	{869, "inet", 1041, stringClass},
	{1033, "aclitem", 1034, stringClass},
	{1042, "bpchar", 1014, stringClass},
	{1043, "varchar", 1015, stringClass},
	{1082, "date", 1182, stringClass},
	{1083, "time", 1183, stringClass},
	{1114, "timestamp", 1115, timestampClass},
	{1184, "timestamptz", 1185, timestampClass},
	{1186, "interval", 1187, stringClass},
	{1266, "timetz", 1270, stringClass},
	{1560, "bit", 1561, stringClass},
	{1562, "varbit", 1563, stringClass},
	{1700, "numeric", 1231, decimalClass},
	{1790, "refcursor", 2201, stringClass},
	{2202, "regprocedure", 2207, stringClass},
	{2203, "regoper", 2208, stringClass},
	{2204, "regoperator", 2209, stringClass},
	{2205, "regclass", 2210, stringClass},
	{2206, "regtype", 2211, stringClass},
	{2950, "uuid", 2951, stringClass},
	{2970, "txid_snapshot", 2949, stringClass},
	{3220, "pg_lsn", 3221, stringClass},
	{3614, "tsvector", 3643, stringClass},
	{3615, "tsquery", 3645, stringClass},
	{3642, "gtsvector", 3644, stringClass},
	{3734, "regconfig", 3735, stringClass},
	{3769, "regdictionary", 3770, stringClass},
	{3802, "jsonb", 3807, jsonbClass},
	{3904, "int4range", 3905, stringClass},
	{3906, "numrange", 3907, stringClass},
	{3908, "tsrange", 3909, stringClass},
	{3910, "tstzrange", 3911, stringClass},
	{3912, "daterange", 3913, stringClass},
	{3926, "int8range", 3927, stringClass},
	{4072, "jsonpath", 4073, stringClass},
	{4089, "regnamespace", 4090, stringClass},
	{4096, "regrole", 4097, stringClass},
	{4191, "regcollation", 4192, stringClass},
	{4451, "int4multirange", 6150, stringClass},
	{4532, "nummultirange", 6151, stringClass},
	{4533, "tsmultirange", 6152, stringClass},
	{4534, "tstzmultirange", 6153, stringClass},
	{4535, "datemultirange", 6155, stringClass},
	{4536, "int8multirange", 6157, stringClass},
	{5038, "pg_snapshot", 5039, stringClass},
	{5069, "xid8", 271, stringClass},
}

func makeBuiltin() []*facts {
	var top uint32
	for _, b := range builtinTypes {
		top = max(top, b.oid, b.array)
	}
	table := make([]*facts, top+1)
	for _, b := range builtinTypes {
		f := &facts{name: b.name, class: b.class, delim: ','}
		if b.name == "box" {
			f.delim = ';'
		}
		table[b.oid] = f
		if b.array != 0 {
			table[b.array] = &facts{name: "_" + b.name, class: arrayClass, delim: f.delim, elem: f}
		}
	}
	table[22].elem = table[21] // int2vector: numbers
	table[30].elem = table[26] // oidvector: strings, as oid
	return table
}
