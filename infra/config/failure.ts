/** What a program that fails says: message, remedy and code, which whoever runs it reads again. */
export { errorText, PlatformError } from '../../system/errors';
