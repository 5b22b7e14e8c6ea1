/** What Pulumi sends for a value that is only known after apply (sdk/go/common/resource/plugin, `UnknownStringValue`); no password that opens anything. */
export const UNKNOWN_ON_WIRE = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
