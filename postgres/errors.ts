export * from '../system/errors';
