declare module "virtual:outline" {
  /** Where the outline of the world's land lies. */
  const address: string;
  export default address;
}
